#pragma once
// A request while the engine has it, seen from the connection that it came from.
//
// The reply may come on any thread; it is handed to the loop that owns the connection, and the
// owner hears of it there. The connection may be gone by then: it abandons its calls first, and
// then nobody is told. Members other than deliver() belong to the loop's thread.

#include <memory>

#include "net/call_trace.h"
#include "net/mailbox.h"
#include "net/turn.h"
#include "request/pending.h"

namespace mlops {

class Call;

class CallOwner {
 public:
  virtual void call_answered(Call& call) noexcept = 0;

 protected:
  ~CallOwner() = default;
};

class Call : public Pending, private Letter {
 public:
  Call(CallOwner& owner, Turn& turn) : owner_(&owner), turn_(&turn) {}

  // Has the request traced.
  void start_trace(TimePoint received, TimePoint started, TraceDecision&& decision) {
    trace_ = std::make_unique<CallTrace>(received, started, std::move(decision));
    timeline = &trace_->computed;
  }
  CallTrace* trace() const { return trace_.get(); }  // null: not traced

  bool answered() const { return answered_; }
  Response take_response() { return std::move(response_); }
  // A successful response that was taken, once nobody needs it: its memory is the next one's.
  void keep_memory(Response&& response) {
    answer_memory = std::move(response);
    answer_memory.renew();
  }
  // Forgets the owner and cancels. True when that came before the reply.
  bool abandon() {
    owner_ = nullptr;
    return cancel();
  }

 protected:
  // For a kind of calls that are used again (net/spare_calls.h): empty, and then another's.
  void renew() noexcept;
  void begin(CallOwner& owner, Turn& turn) {
    owner_ = &owner;
    turn_ = &turn;
  }

 private:
  void deliver(Response&& response) noexcept final;
  void open() noexcept final;
  void arrive() noexcept;

  CallOwner* owner_;
  Turn* turn_;
  Response response_;
  std::unique_ptr<CallTrace> trace_;
  bool answered_ = false;
};

}  // namespace mlops
