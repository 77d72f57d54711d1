#include "net/call.h"

namespace mlops {

void Call::deliver(Response&& response) noexcept {
  response_ = std::move(response);
  if (turn_->here()) return arrive();
  add_ref();  // until open()
  turn_->mailbox.post(this);
}

void Call::renew() noexcept {
  Pending::renew();
  owner_ = nullptr;
  response_ = {};
  trace_.reset();
  answered_ = false;
}

void Call::open() noexcept {
  arrive();
  drop_ref();
}

void Call::arrive() noexcept {
  answered_ = true;
  if (owner_) owner_->call_answered(*this);
}

}  // namespace mlops
