#pragma once
// The core prints nothing: it hands events to a sink that the embedding program owns.

#include <string_view>

namespace mlops {

enum class Severity { info, warning, error };

class LogSink {
 public:
  virtual ~LogSink() = default;
  // Any thread. Must not block for long and must not call back into the engine.
  virtual void log(Severity severity, std::string_view message) = 0;
};

class NullLog final : public LogSink {
 public:
  void log(Severity, std::string_view) override {}
};

}  // namespace mlops
