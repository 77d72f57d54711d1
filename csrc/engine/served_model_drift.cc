// A version's part in drift statistics: its lanes, borrowed one after the other.

#include <algorithm>

#include "engine/served_model.h"

namespace mlops {

void ServedModel::settle_drift() {
  if (!context_.drift) return;
  std::unique_lock lock(mutex_);
  for (const auto& lane : lanes_) {
    const auto at = std::ranges::find(idle_, lane.get());
    if (at == idle_.end()) continue;  // it runs, and hands over by itself
    idle_.erase(at);
    lock.unlock();
    lane->observer->settle();
    lock.lock();
    give_back_locked(lane.get());
    ask_pool_locked();  // what has come meanwhile
  }
}

void ServedModel::add_drift(ModelStats& stats) const {
  DriftCost sum;
  for (const auto& lane : lanes_) sum += lane->observer->cost();
  stats.drift = sum;
  const std::shared_ptr<DriftEpoch> counted = context_.drift->epoch();
  if (counted->judge) stats.judge = counted->judge->figures();
}

}  // namespace mlops
