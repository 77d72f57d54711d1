#pragma once
// Counters with one writing thread and any number of readers: no locked instruction.

#include <atomic>
#include <cstdint>

namespace mlops {

// For the one thread that writes; a second writer's additions would be lost.
inline void bump(std::atomic<std::uint64_t>& counter, std::uint64_t amount) {
  counter.store(counter.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
}

}  // namespace mlops
