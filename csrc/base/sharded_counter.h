#pragma once
// Counters that many threads bump and few read: one cache line per shard, summed on read.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace mlops {

inline constexpr std::size_t kCounterShards = 16;

// A small number that is stable for the calling thread; threads may share one.
std::size_t thread_shard();

class ShardedCounter {
 public:
  void add(std::uint64_t amount) {
    shards_[thread_shard()].value.fetch_add(amount, std::memory_order_relaxed);
  }
  std::uint64_t total() const {
    std::uint64_t sum = 0;
    for (const Shard& shard : shards_) sum += shard.value.load(std::memory_order_relaxed);
    return sum;
  }

 private:
  struct alignas(64) Shard {
    std::atomic<std::uint64_t> value{0};
  };
  std::array<Shard, kCounterShards> shards_{};
};

}  // namespace mlops
