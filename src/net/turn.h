#pragma once
// The state that one event loop shares with its connections while it works through what its sockets
// had to say: the time (read once a turn), the requests that were drained, who has something to
// send. Belongs to the loop's thread, except mailbox.post() and here().

#include <thread>
#include <vector>

#include "base/clock.h"
#include "net/loop_stats.h"
#include "net/mailbox.h"
#include "request/pending.h"

namespace mlops {

class Link;

struct Turn {
  TimePoint now{};
  std::vector<PendingRef> drained;  // handed to the engine, all at once, when the sockets are read
  std::vector<Link*> touched;       // to be flushed before the loop sleeps
  Mailbox mailbox;
  LoopStats stats;
  std::thread::id thread = std::this_thread::get_id();

  bool here() const { return std::this_thread::get_id() == thread; }
};

}  // namespace mlops
