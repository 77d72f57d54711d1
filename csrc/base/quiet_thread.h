#pragma once
// Work that must not slow down what serves: done on a thread of its own with a low scheduling
// priority while the caller waits. A thread inherits its priority from the one that makes it and
// may not raise it again, so threads that will serve must not be made in here.

#include <functional>

namespace mlops {

// The calling thread, for good.
void be_quiet();

void run_quietly(const std::function<void()>& work);

}  // namespace mlops
