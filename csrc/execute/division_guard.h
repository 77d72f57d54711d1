#pragma once
// Keeps the process alive when a model divides integers that the processor refuses to divide.
//
// x86 traps on division by zero and of the lowest value by -1, and the default action of SIGFPE is
// to end the process: with a model that divides integers of its inputs, one request would stop a
// server. ONNX Runtime checks for zero in newer versions only, and for -1 in none. In guarded code
// the division gives 0 instead and is counted, and the run that it happened in fails.
//
// Everything outside guarded code goes to whatever handler there was before. Only x86-64 needs any
// of this; elsewhere nothing traps, nothing is installed, and the counts stay zero.

#include <cstdint>

namespace mlops {

// Guards the executable segment that holds `code`, for the rest of the process. Idempotent and
// thread-safe. False when there is no room for one more segment or no handler can be set.
bool guard_divisions(const void* code);

// Whether a division was refused since this was made: on the calling thread only, or anywhere, for
// code that works on threads of its own and may then answer for its neighbours too.
class DivisionWatch {
 public:
  enum class Scope { this_thread, all_threads };
  explicit DivisionWatch(Scope scope);
  bool refused_any() const;

 private:
  std::uint64_t count() const;

  Scope scope_;
  std::uint64_t before_;
};

}  // namespace mlops
