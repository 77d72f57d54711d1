#include "request/pending.h"

namespace mlops {

bool Pending::claim() {
  PendingState expected = PendingState::queued;
  return state_.compare_exchange_strong(expected, PendingState::claimed,
                                        std::memory_order_acq_rel);
}

bool Pending::complete(Response&& response) noexcept {
  if (state_.exchange(PendingState::done, std::memory_order_acq_rel) == PendingState::done) {
    return false;
  }
  deliver(std::move(response));
  return true;
}

bool Pending::fail(Status why) noexcept {
  if (done()) return false;
  return complete(Response::failure(request, std::move(why)));
}

bool Pending::cancel() noexcept { return fail(Status::cancelled("the request was cancelled")); }

}  // namespace mlops
