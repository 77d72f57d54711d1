#pragma once
// SIGTERM and SIGINT as something that is waited for, not something that interrupts.

namespace mlops {

// Make it before the first thread starts: threads inherit the mask, and only wait() sees the
// signals.
class StopSignals {
 public:
  StopSignals();

  // Blocks until the first of the signals; returns its number. From then on the default action is
  // restored: a second signal ends the process at once.
  int wait();
};

}  // namespace mlops
