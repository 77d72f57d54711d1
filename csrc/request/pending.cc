#include "request/pending.h"

namespace mlops {

Pending::~Pending() {
  if (PartSource* source = source_.load(std::memory_order_relaxed)) source->drop_ref();
  if (AnswerFollower* left = follower_.load(std::memory_order_relaxed)) left->drop_ref();
}

void Pending::renew() noexcept {
  if (PartSource* source = source_.exchange(nullptr, std::memory_order_relaxed)) source->drop_ref();
  unfollow();
  state_.store(kQueued, std::memory_order_relaxed);
  request.renew();
  submitted_at = {};
  decoupled = false;
  timeline = nullptr;
  watch = nullptr;
  mark = {};
}

bool Pending::claim() {
  std::uint8_t expected = kQueued;
  return state_.compare_exchange_strong(expected, kClaimed, std::memory_order_acq_rel);
}

PendingState Pending::state() const {
  const std::uint8_t state = state_.load(std::memory_order_acquire);
  if (state & kDone) return PendingState::done;
  return (state & ~kParting) == kClaimed ? PendingState::claimed : PendingState::queued;
}

Code Pending::outcome() const {
  return static_cast<Code>(state_.load(std::memory_order_acquire) & kCode);
}

bool Pending::complete(Response&& response) noexcept {
  const auto done =
      static_cast<std::uint8_t>(kDone | static_cast<std::uint8_t>(response.status.code()));
  std::uint8_t seen = state_.load(std::memory_order_acquire);
  do {
    if (seen & kDone) return false;
  } while (
      !state_.compare_exchange_weak(seen, done | (seen & kParting), std::memory_order_seq_cst));
  if (seen & kParting) [[unlikely]] {
    await_part();
  }
  // In one order with follow(): either it sees that we are done, or we see the follower.
  if (follower_.load(std::memory_order_seq_cst)) [[unlikely]] {
    if (const Ref<AnswerFollower> told = unfollow()) told->answered(*this, response);
  }
  if (watch) watch->answered(mark, request, response);
  deliver(std::move(response));
  want_parts();
  return true;
}

bool Pending::follow(Ref<AnswerFollower> follower) noexcept {
  follower_.store(follower.release(), std::memory_order_seq_cst);
  if ((state_.load(std::memory_order_seq_cst) & kDone) == 0) return true;
  return !unfollow();  // gone: whoever answered has taken it
}

Ref<AnswerFollower> Pending::unfollow() noexcept {
  return Ref<AnswerFollower>::adopt(follower_.exchange(nullptr, std::memory_order_seq_cst));
}

void Pending::await_part() noexcept {
  for (std::uint8_t seen = state_.load(std::memory_order_acquire); seen & kParting;
       seen = state_.load(std::memory_order_acquire)) {
    state_.wait(seen, std::memory_order_acquire);
  }
}

PartOutcome Pending::send_part(Response&& part) noexcept {
  std::uint8_t expected = kClaimed;
  if (!state_.compare_exchange_strong(expected, kClaimed | kParting, std::memory_order_acq_rel)) {
    return PartOutcome::over;
  }
  const bool room = deliver_part(std::move(part));
  const std::uint8_t before =
      state_.fetch_and(static_cast<std::uint8_t>(~kParting), std::memory_order_acq_rel);
  if (before & kDone) {
    state_.notify_all();
    return PartOutcome::over;
  }
  return room ? PartOutcome::more : PartOutcome::full;
}

bool Pending::fail(Status why) noexcept {
  if (done()) return false;
  return complete(Response::failure(request, std::move(why)));
}

bool Pending::cancel() noexcept { return fail(Status::cancelled("the request was cancelled")); }

}  // namespace mlops
