#include "net/parted_call.h"

#include <utility>

namespace mlops {
namespace {

std::size_t size_of(const Response& response) {
  std::size_t size = 0;
  for (const NamedTensor& output : response.outputs) size += output.tensor.bytes.size();
  return size;
}

}  // namespace

std::optional<Response> PartedCall::take_part() {
  std::optional<Response> part;
  bool room = false;
  {
    const std::lock_guard lock(mutex_);
    if (parts_.empty()) return part;
    part = std::move(parts_.front());
    parts_.pop_front();
    part_bytes_ -= size_of(*part);
    // Not at every part: a source that is woken should have something to do.
    if (was_full_ && parts_.size() <= kPartsMax / 2 && part_bytes_ <= kPartBytesMax / 2) {
      was_full_ = false;
      room = true;
    }
  }
  if (room) want_parts();
  if (trace_) trace_->add_part(*part);
  return part;
}

std::optional<Response> PartedCall::take_answer() {
  const std::lock_guard lock(mutex_);
  if (!parts_.empty()) return std::nullopt;
  return std::exchange(answer_, std::nullopt);
}

bool PartedCall::has_news() const {
  const std::lock_guard lock(mutex_);
  return !parts_.empty() || answer_;
}

bool PartedCall::answered() const {
  const std::lock_guard lock(mutex_);
  return answer_.has_value();
}

void PartedCall::post_locked() noexcept {
  if (std::exchange(posted_, true)) return;
  add_ref();  // until open()
  turn_.mailbox.post(this);
}

bool PartedCall::deliver_part(Response&& part) noexcept {
  const std::lock_guard lock(mutex_);
  part_bytes_ += size_of(part);
  parts_.push_back(std::move(part));
  was_full_ = full_locked();
  // Even on the loop's own thread: the owner may answer the call, which must not happen from here.
  post_locked();
  return !was_full_;
}

void PartedCall::deliver(Response&& response) noexcept {
  {
    const std::lock_guard lock(mutex_);
    answer_ = std::move(response);
    if (!turn_.here()) return post_locked();
  }
  arrive();
}

void PartedCall::open() noexcept {
  {
    const std::lock_guard lock(mutex_);
    posted_ = false;
  }
  arrive();
  drop_ref();
}

void PartedCall::arrive() noexcept {
  if (owner_) owner_->call_progressed(*this);
}

}  // namespace mlops
