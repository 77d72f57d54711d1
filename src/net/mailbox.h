#pragma once
// How other threads hand completions to the event loop that owns the connection.
//
// post() is wait-free but for contention and never allocates: letters are links of the objects
// themselves. The loop is woken by one eventfd write, and only when it really sleeps. The sender
// must keep a letter alive until it has been opened.

#include <atomic>
#include <cstddef>

#include "net/fd.h"

namespace mlops {

class Letter {
 public:
  Letter(const Letter&) = delete;
  Letter& operator=(const Letter&) = delete;
  virtual ~Letter() = default;

 protected:
  Letter() = default;
  virtual void open() noexcept = 0;  // on the loop's thread, exactly once per post

 private:
  friend class Mailbox;
  Letter* next_ = nullptr;
};

class Mailbox {
 public:
  Mailbox();

  void post(Letter* letter) noexcept;  // any thread
  void wake() noexcept;                // any thread: the loop's next sleep ends at once

  // The loop's thread. prepare_sleep() is false when there is work: do not sleep.
  bool prepare_sleep();
  void awake();
  std::size_t open_all();  // oldest first; returns how many
  int fd() const { return event_.get(); }
  void drain_event();  // after the fd became readable

 private:
  void signal() noexcept;

  std::atomic<Letter*> newest_{nullptr};
  std::atomic<bool> asleep_{false};
  std::atomic<bool> woken_{false};
  Fd event_;
};

}  // namespace mlops
