#include "engine/flight_table.h"

#include <algorithm>
#include <utility>

namespace mlops {

bool Sought::equals(const Sought& other) const {
  if (proof != other.proof || !rows != !other.rows) return false;
  return !rows || rows->equals(*other.rows);
}

FlightTable::Boarding FlightTable::board(Sought& sought, FlightOwner& owner, TimePoint now) {
  Shard& shard = shard_of(sought.key);
  const std::lock_guard lock(shard.mutex);
  Flight*& row = row_of(shard, sought.key);
  for (Flight* flight = row; flight; flight = flight->next_) {
    if (flight->sought.key == sought.key) return {Ref<Flight>::share(flight), false};
  }
  Ref<Flight> fresh = make_ref<Flight>(owner, std::move(sought), now);
  fresh->next_ = std::exchange(row, fresh.get());
  flying_.fetch_add(1, std::memory_order_relaxed);
  return {std::move(fresh), true};
}

bool FlightTable::wait(Flight& flight, const PendingRef& pending) {
  const std::lock_guard lock(shard_of(flight.sought.key).mutex);
  if (flight.over_) return false;
  if (waiting_.fetch_add(1, std::memory_order_relaxed) >= waiting_max_) {
    waiting_.fetch_sub(1, std::memory_order_relaxed);
    return false;
  }
  flight.waiting_.push_back(pending);
  return true;
}

bool FlightTable::leave(Flight& flight, const PendingRef& pending) {
  const std::lock_guard lock(shard_of(flight.sought.key).mutex);
  if (std::erase(flight.waiting_, pending) == 0) return false;
  waiting_.fetch_sub(1, std::memory_order_relaxed);
  return true;
}

PendingRef FlightTable::next(Flight& flight) {
  Shard& shard = shard_of(flight.sought.key);
  std::vector<PendingRef> answered;  // last references go outside the lock
  const std::lock_guard lock(shard.mutex);
  while (!flight.waiting_.empty()) {
    PendingRef first = std::move(flight.waiting_.front());
    flight.waiting_.erase(flight.waiting_.begin());
    waiting_.fetch_sub(1, std::memory_order_relaxed);
    if (!first->done()) return first;
    answered.push_back(std::move(first));
  }
  close_locked(shard, flight);
  return nullptr;
}

std::vector<PendingRef> FlightTable::close(Flight& flight) {
  Shard& shard = shard_of(flight.sought.key);
  const std::lock_guard lock(shard.mutex);
  close_locked(shard, flight);
  if (!flight.waiting_.empty()) {
    waiting_.fetch_sub(flight.waiting_.size(), std::memory_order_relaxed);
  }
  return std::move(flight.waiting_);
}

void FlightTable::close_locked(Shard& shard, Flight& flight) {
  if (std::exchange(flight.over_, true)) return;
  Flight** at = &row_of(shard, flight.sought.key);
  while (*at != &flight) at = &(*at)->next_;
  *at = flight.next_;
}

// In one order with await_calm(): either it sees that nothing flies, or we see that it waits.
void FlightTable::end() {
  if (flying_.fetch_sub(1, std::memory_order_seq_cst) > 1) return;
  if (!awaited_.load(std::memory_order_seq_cst)) return;
  const std::lock_guard lock(calm_mutex_);
  calm_.notify_all();
}

TimePoint FlightTable::collect_expired(TimePoint now, std::vector<PendingRef>& expired) {
  TimePoint next = kNever;
  if (waiting_.load(std::memory_order_relaxed) == 0) return next;
  for (Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    for (Flight* flight : shard.rows) {
      for (; flight; flight = flight->next_) {
        next = std::min(next, take_expired_locked(*flight, now, expired));
      }
    }
  }
  return next;
}

TimePoint FlightTable::take_expired_locked(Flight& flight, TimePoint now,
                                           std::vector<PendingRef>& expired) {
  TimePoint next = kNever;
  std::vector<PendingRef>& waiting = flight.waiting_;
  const auto late = std::stable_partition(waiting.begin(), waiting.end(), [&](const PendingRef& p) {
    return p->request.deadline > now;
  });
  for (auto on_time = waiting.begin(); on_time != late; ++on_time) {
    next = std::min(next, (*on_time)->request.deadline);
  }
  waiting_.fetch_sub(static_cast<std::size_t>(waiting.end() - late), std::memory_order_relaxed);
  expired.insert(expired.end(), late, waiting.end());
  waiting.erase(late, waiting.end());
  return next;
}

void FlightTable::await_calm() {
  awaited_.store(true, std::memory_order_seq_cst);
  std::unique_lock lock(calm_mutex_);
  calm_.wait(lock, [this] { return flying_.load(std::memory_order_seq_cst) == 0; });
}

}  // namespace mlops
