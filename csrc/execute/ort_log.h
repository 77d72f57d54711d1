#pragma once
// Where ONNX Runtime's log goes. The library has one logger for the whole process, engines come and
// go: so there is one fan-out per loaded library, it lives as long as the library, and engines
// subscribe their sinks to it.
// Thread-safe. After remove() returns, the sink is not called any more.

#include <onnxruntime_c_api.h>

#include <mutex>
#include <vector>

#include "base/log.h"

namespace mlops {

class OrtLogFanOut {
 public:
  void add(LogSink& sink);
  void remove(LogSink& sink);

  // An OrtLoggingFunction; `self` is an OrtLogFanOut, `log_id` says which model is speaking.
  static void ORT_API_CALL receive(void* self, OrtLoggingLevel level, const char* category,
                                   const char* log_id, const char* where, const char* message);

 private:
  void deliver(Severity severity, const char* log_id, const char* message);

  std::mutex mutex_;
  std::vector<LogSink*> sinks_;  // guarded by mutex_; one entry per runtime, so perhaps repeated
};

}  // namespace mlops
