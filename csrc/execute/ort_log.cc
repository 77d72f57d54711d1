#include "execute/ort_log.h"

#include <algorithm>
#include <string>
#include <string_view>

namespace mlops {
namespace {

Severity severity_of(OrtLoggingLevel level) {
  if (level >= ORT_LOGGING_LEVEL_ERROR) return Severity::error;
  return level == ORT_LOGGING_LEVEL_WARNING ? Severity::warning : Severity::info;
}

// It warns that a saved graph is for this processor only; that is how they are kept
// (ort_saved_graph.h).
bool is_no_news(std::string_view message) {
  return message.starts_with("Serializing optimized model with Graph Optimization level");
}

}  // namespace

void OrtLogFanOut::add(LogSink& sink) {
  const std::lock_guard lock(mutex_);
  sinks_.push_back(&sink);
}

void OrtLogFanOut::remove(LogSink& sink) {
  const std::lock_guard lock(mutex_);
  if (const auto it = std::ranges::find(sinks_, &sink); it != sinks_.end()) sinks_.erase(it);
}

void OrtLogFanOut::receive(void* self, OrtLoggingLevel level, const char*, const char* log_id,
                           const char*, const char* message) {
  if (message && !is_no_news(message)) {
    static_cast<OrtLogFanOut*>(self)->deliver(severity_of(level), log_id ? log_id : "", message);
  }
}

void OrtLogFanOut::deliver(Severity severity, const char* log_id, const char* message) {
  try {
    const std::string text = std::string("onnxruntime (") + log_id + "): " + message;
    const std::lock_guard lock(mutex_);
    for (auto it = sinks_.begin(); it != sinks_.end(); ++it) {
      if (std::find(sinks_.begin(), it, *it) == it) (*it)->log(severity, text);
    }
  } catch (...) {
    // The caller is C code of the library: nothing may escape, and a lost line is the lesser evil.
  }
}

}  // namespace mlops
