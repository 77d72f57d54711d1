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
//
// A decoupled model gives any number of parts before the one answer. Parts are delivered in order,
// each before the next is made, and none during or after the answer: whoever answers while a part
// is being delivered waits for it.

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ref.h"
#include "request/request.h"

namespace mlops {

// When a model's lane was at work on a request; the epoch for what did not happen.
struct ComputeTimes {
  TimePoint start{};         // taken into a batch
  TimePoint input_end{};     // its inputs are gathered
  TimePoint output_start{};  // the back end is done
  TimePoint end{};           // its answer is made
};

// A member's part in an ensemble's answer.
struct MemberTimes {
  std::string model;
  std::int64_t version = 0;
  TimePoint submitted{};
  TimePoint ended{};
  ComputeTimes computed;
  // The member that it is a member of, in RequestTimeline::members; none: the ensemble itself.
  std::optional<std::size_t> within;
};

// What is remembered of a traced request.
struct RequestTimeline : ComputeTimes {
  std::vector<MemberTimes> members = {};  // of an ensemble, as they ended; a member before its own
};

enum class PendingState : std::uint8_t { queued, claimed, done };

// What became of a part: the reader wants more, wants it later (PartSource::room() will tell), or
// the request has been answered and nothing more is wanted.
enum class PartOutcome : std::uint8_t { more, full, over };

// Where a request's parts come from. Any thread.
class PartSource : public RefCounted {
 public:
  // The reader that was full has room again, or the request has been answered.
  virtual void room() noexcept = 0;
};

// What whoever watches answers noted when the request was handed over.
struct AnswerMark {
  TimePoint began{};
  std::uint64_t unit = 0;     // who asks, hashed; 0: nobody in particular
  bool by_share = false;      // the share of its arm alone brought it there
  std::uint32_t shadows = 0;  // bit i: shadow i of the route sees it too
};

// Hears of answers just before they are delivered, and may add to them. Any thread; must be short.
class AnswerWatch : public RefCounted {
 public:
  virtual void answered(const AnswerMark& mark, const Request& request,
                        Response& response) const noexcept = 0;
};

class Pending;

// Depends on how a request is answered: equal requests wait for it. Told on the winner's thread,
// before the answer is watched and delivered.
class AnswerFollower : public RefCounted {
 public:
  virtual void answered(Pending& pending, const Response& response) noexcept = 0;
};

class Pending : public RefCounted {
 public:
  Request request;

  // A lane takes the request into a batch. False when somebody answered it already.
  bool claim();

  // Answers the request unless it has been answered. True when this call won.
  bool complete(Response&& response) noexcept;
  bool fail(Status why) noexcept;
  bool cancel() noexcept;  // fail(cancelled)

  // Whether this door can take parts; a decoupled model refuses one that cannot.
  virtual bool takes_parts() const { return false; }
  // For the one that claimed the request; one call at a time.
  PartOutcome send_part(Response&& part) noexcept;
  // Set once, before the request can be claimed.
  void set_part_source(Ref<PartSource> source) noexcept {
    source_.store(source.release(), std::memory_order_release);
  }
  // The door has room after deliver_part() said that it had not.
  void want_parts() noexcept {
    if (PartSource* source = source_.load(std::memory_order_acquire)) source->room();
  }

  // Tells `follower` of the answer, exactly once unless unfollow() is faster. False, and it is not
  // told, when the request has been answered already. One follower at a time.
  bool follow(Ref<AnswerFollower> follower) noexcept;
  // Null when there was none, or it has been told.
  Ref<AnswerFollower> unfollow() noexcept;

  PendingState state() const;
  bool done() const { return (state_.load(std::memory_order_acquire) & kDone) != 0; }
  Code outcome() const;  // how it was answered; only meaningful once done()

  // Set by the engine at submission: when that was, for statistics, and whether a decoupled model
  // has taken the request.
  TimePoint submitted_at{};
  bool decoupled = false;
  // Set by the door to have a request traced; filled in before deliver(). Lives as long as this.
  RequestTimeline* timeline = nullptr;
  // Set by the engine before the request can be claimed; null: nobody watches.
  Ref<const AnswerWatch> watch;
  AnswerMark mark;
  // As a new Response, with memory for what the answer will be: for the one that claimed the
  // request.
  Response answer_memory;

 protected:
  Pending() = default;
  ~Pending() override;
  // As it was made, for a door that uses its calls again; to which nobody refers. Keeps memory.
  void renew() noexcept;
  virtual void deliver(Response&& response) noexcept = 0;
  // Takes one part, on the thread that made it; false when that is enough for now. Must be short
  // and must not answer the request.
  virtual bool deliver_part(Response&& /*part*/) noexcept { return true; }

 private:
  void await_part() noexcept;

  // The outcome shares the word with the state, so whoever sees `done` also sees how.
  static constexpr std::uint8_t kQueued = 0;
  static constexpr std::uint8_t kClaimed = 1;
  static constexpr std::uint8_t kParting = 0x40;  // flag: a part is being delivered
  static constexpr std::uint8_t kDone = 0x80;     // | Code
  static constexpr std::uint8_t kCode = 0x0f;
  std::atomic<std::uint8_t> state_{kQueued};
  std::atomic<PartSource*> source_{nullptr};        // owns a reference
  std::atomic<AnswerFollower*> follower_{nullptr};  // likewise
};

using PendingRef = Ref<Pending>;

}  // namespace mlops
