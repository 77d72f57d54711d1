#pragma once
// SIGTERM, SIGINT and SIGHUP as something that is waited for, not something that interrupts.

namespace mlops {

// Make it before the first thread starts: threads inherit the mask, and only wait() sees the
// signals.
class ProcessSignals {
 public:
  ProcessSignals();

  // Blocks until one of the signals comes; returns its number. After SIGTERM or SIGINT the default
  // action is restored: a second one ends the process at once. SIGHUP can come any number of times.
  int wait();
};

}  // namespace mlops
