#pragma once
// A gate in front of a back end, with which tests hold a lane for exactly as long as they want, and
// need neither slow models nor sleeps.

#include <condition_variable>
#include <memory>
#include <mutex>

#include "execute/backend.h"

namespace mlops::python {

// Starts open. Thread-safe. pass() and wait_for_arrivals() block: not with the GIL held.
class Gate {
 public:
  void close();
  void open();
  void pass();                    // returns once the gate is open
  void wait_for_arrivals(int n);  // returns once n executions stand before the closed gate

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = true;  // guarded by mutex_
  int waiting_ = 0;   // guarded by mutex_
};

// `inner`, whose every execution passes the gate first.
std::unique_ptr<Backend> behind_gate(std::unique_ptr<Backend> inner, std::shared_ptr<Gate> gate);

}  // namespace mlops::python
