#pragma once
// A request that may be answered in parts, seen from the connection that it came from.
//
// Parts are made on other threads and wait here, a bounded number of them, until the connection has
// use for them: a peer that does not read stops the model that writes, and nobody else. As with
// Call, the connection may be gone before the answer; it abandons its calls first. Members other
// than deliver() and deliver_part() belong to the loop's thread.

#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>

#include "net/call_trace.h"
#include "net/mailbox.h"
#include "net/turn.h"
#include "request/pending.h"

namespace mlops {

class PartedCall;

class PartedCallOwner {
 public:
  // A part or the answer has come since the last call of this.
  virtual void call_progressed(PartedCall& call) noexcept = 0;

 protected:
  ~PartedCallOwner() = default;
};

class PartedCall : public Pending, private Letter {
 public:
  static constexpr std::size_t kPartsMax = 32;
  static constexpr std::size_t kPartBytesMax = std::size_t{1} << 20;

  PartedCall(PartedCallOwner& owner, Turn& turn) : owner_(&owner), turn_(turn) {}

  bool takes_parts() const final { return true; }

  // Has the request traced.
  void start_trace(TimePoint received, TimePoint started, TraceDecision&& decision) {
    trace_ = std::make_unique<CallTrace>(received, started, std::move(decision));
    timeline = &trace_->computed;
  }
  CallTrace* trace() const { return trace_.get(); }  // null: not traced

  // The oldest part that waits.
  std::optional<Response> take_part();
  // The answer, once it is there and all parts before it are taken.
  std::optional<Response> take_answer();
  // Either of the above has something to give.
  bool has_news() const;
  // The answer is there, maybe with parts before it.
  bool answered() const;

  // Forgets the owner and cancels. True when that came before the answer.
  bool abandon() {
    owner_ = nullptr;
    return cancel();
  }

 private:
  void deliver(Response&& response) noexcept final;
  bool deliver_part(Response&& part) noexcept final;
  void open() noexcept final;
  void arrive() noexcept;
  void post_locked() noexcept;
  bool full_locked() const { return parts_.size() >= kPartsMax || part_bytes_ >= kPartBytesMax; }

  PartedCallOwner* owner_;
  Turn& turn_;
  std::unique_ptr<CallTrace> trace_;
  mutable std::mutex mutex_;
  std::deque<Response> parts_;  // guarded by mutex_, as are the rest
  std::size_t part_bytes_ = 0;
  std::optional<Response> answer_;
  bool posted_ = false;
  bool was_full_ = false;  // the source waits to hear of room
};

}  // namespace mlops
