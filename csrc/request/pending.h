#pragma once
// A request in flight: its data, its state, and the one place its answer goes.
//
// Completion, cancellation and the deadline race on one atomic; whoever moves it to `done`
// delivers, and delivers exactly once. A claimed request that is cancelled still runs with its
// batch: its rows are computed and thrown away, its neighbours never notice, and its input bytes
// stay alive because the batch holds a reference.
//
// Ownership: intrusive references. The door (HTTP call, Python future, blocking caller) derives
// from Pending, so one request is one allocation. deliver() runs on the winner's thread: a lane, an
// event loop, the canceller; it must not block, throw or destroy the engine.

#include <atomic>
#include <cstdint>
#include <optional>

#include "base/ref.h"
#include "request/request.h"

namespace mlops {

enum class PendingState : std::uint8_t { queued, claimed, done };

class Pending : public RefCounted {
 public:
  Request request;

  // A lane takes the request into a batch. False when somebody answered it already.
  bool claim();

  // Answers the request unless it has been answered. True when this call won.
  bool complete(Response&& response) noexcept;
  bool fail(Status why) noexcept;
  bool cancel() noexcept;  // fail(cancelled)

  PendingState state() const;
  bool done() const { return (state_.load(std::memory_order_acquire) & kDone) != 0; }
  Code outcome() const;  // how it was answered; only meaningful once done()

  // Set by the engine at submission, for statistics.
  TimePoint submitted_at{};

 protected:
  Pending() = default;
  virtual void deliver(Response&& response) noexcept = 0;

 private:
  // The outcome shares the word with the state, so whoever sees `done` also sees how.
  static constexpr std::uint8_t kQueued = 0;
  static constexpr std::uint8_t kClaimed = 1;
  static constexpr std::uint8_t kDone = 0x80;  // | Code
  std::atomic<std::uint8_t> state_{kQueued};
};

using PendingRef = Ref<Pending>;

}  // namespace mlops
