#pragma once
// A thread that wakes often and works little: the kernel is asked to let it go first.

namespace mlops {

// The calling thread gets short slices of its core, and with them precedence, when it wakes, over
// threads that compute in slices of the usual 3 ms. What it gets in all stays its fair share. Needs
// no privilege; kernels before 6.12 know nothing of it, and then nothing changes.
void run_promptly() noexcept;

}  // namespace mlops
