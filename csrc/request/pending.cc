#include "request/pending.h"

namespace mlops {

bool Pending::claim() {
  std::uint8_t expected = kQueued;
  return state_.compare_exchange_strong(expected, kClaimed, std::memory_order_acq_rel);
}

PendingState Pending::state() const {
  const std::uint8_t state = state_.load(std::memory_order_acquire);
  if (state & kDone) return PendingState::done;
  return state == kClaimed ? PendingState::claimed : PendingState::queued;
}

Code Pending::outcome() const {
  return static_cast<Code>(state_.load(std::memory_order_acquire) & ~kDone);
}

bool Pending::complete(Response&& response) noexcept {
  const auto done =
      static_cast<std::uint8_t>(kDone | static_cast<std::uint8_t>(response.status.code()));
  std::uint8_t seen = state_.load(std::memory_order_acquire);
  do {
    if (seen & kDone) return false;
  } while (!state_.compare_exchange_weak(seen, done, std::memory_order_acq_rel));
  deliver(std::move(response));
  return true;
}

bool Pending::fail(Status why) noexcept {
  if (done()) return false;
  return complete(Response::failure(request, std::move(why)));
}

bool Pending::cancel() noexcept { return fail(Status::cancelled("the request was cancelled")); }

}  // namespace mlops
