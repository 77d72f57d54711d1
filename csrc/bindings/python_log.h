#pragma once
// The core's log lines on their way to Python's `logging`, logger "mlops_engine". A lane thread
// only appends to a bounded list; whoever holds the GIL next passes the lines on.

#include <string_view>

#include "base/log.h"

namespace mlops::python {

class PythonLog final : public LogSink {
 public:
  void log(Severity severity, std::string_view message) override;  // any thread, no GIL needed

  // GIL held. Every engine's lines, in order. Keeps the Python error that is set, if any.
  static void pass_on_all();
};

}  // namespace mlops::python
