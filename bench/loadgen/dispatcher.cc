#include "loadgen/dispatcher.h"

#include <utility>

namespace mlops::loadgen {

Dispatcher::Dispatcher(std::size_t slots, std::size_t rows, std::optional<ArrivalSchedule> schedule,
                       Recorder& recorder)
    : slots_(slots), rows_(rows), schedule_(std::move(schedule)), recorder_(recorder) {
  for (std::size_t i = 0; i < slots; ++i) free_.push_back(i);
}

bool Dispatcher::schedule_over() const {
  return schedule_->next_ns() >= recorder_.timing().end_ns();
}

std::optional<Dispatcher::Start> Dispatcher::next(std::int64_t now_ns) {
  if (free_.empty()) return std::nullopt;
  std::int64_t intended_ns = now_ns;
  if (schedule_) {
    if (schedule_->next_ns() > now_ns || schedule_over()) return std::nullopt;
    intended_ns = schedule_->next_ns();
    schedule_->advance();
  } else if (recorder_.finished()) {
    return std::nullopt;
  }
  const std::size_t slot = free_.front();
  free_.pop_front();
  slots_[slot] = {true, next_row_, intended_ns, now_ns};
  next_row_ = next_row_ + 1 == rows_ ? 0 : next_row_ + 1;
  return Start{slot, slots_[slot].row};
}

std::optional<std::int64_t> Dispatcher::next_due_ns() const {
  if (!schedule_ || free_.empty() || schedule_over()) return std::nullopt;
  return schedule_->next_ns();
}

void Dispatcher::on_reply(std::size_t slot, Outcome outcome, std::int64_t now_ns) {
  Slot& done = slots_[slot];
  if (!done.active) return;  // a reply that raced with its own time-out
  recorder_.on_finish(done.intended_ns, now_ns, outcome);
  done.active = false;
  free_.push_back(slot);
}

std::vector<std::size_t> Dispatcher::started_before(std::int64_t instant_ns) const {
  std::vector<std::size_t> late;
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    if (slots_[i].active && slots_[i].started_ns < instant_ns) late.push_back(i);
  }
  return late;
}

bool Dispatcher::drained() const {
  return !schedule_ || (schedule_over() && free_.size() == slots_.size());
}

void Dispatcher::abandon(std::int64_t now_ns) {
  if (!schedule_) return;
  for (Slot& slot : slots_) {
    if (slot.active) recorder_.on_unfinished(slot.intended_ns, now_ns);
    slot.active = false;
  }
  for (; !schedule_over(); schedule_->advance())
    recorder_.on_unfinished(schedule_->next_ns(), now_ns);
}

}  // namespace mlops::loadgen
