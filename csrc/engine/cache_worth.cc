#include "engine/cache_worth.h"

namespace mlops {

std::optional<CacheWorth::Verdict> CacheWorth::judge(const CacheWork& now) {
  const std::lock_guard lock(mutex_);
  const std::uint64_t hits = now.hits - before_.hits;
  const std::uint64_t misses = now.misses - before_.misses;
  const std::uint64_t spent = now.hit_ns - before_.hit_ns + now.miss_ns - before_.miss_ns;
  before_ = now;
  const bool pays = hits * now.run_ns >= spent;
  if (!pays) left_out_.store(kLeftOut, std::memory_order_relaxed);
  if (pays == paid_) return std::nullopt;
  paid_ = pays;
  const std::uint64_t looked = hits + misses;
  return Verdict{pays, looked == 0 ? 0 : static_cast<double>(hits) / static_cast<double>(looked)};
}

}  // namespace mlops
