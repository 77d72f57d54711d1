#pragma once
// How often one lane ran each batch size, and what that took. One writer at a time, any reader:
// plain relaxed stores.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/stats.h"

namespace mlops {

class BatchTable {
 public:
  void add(const BatchStats& execution);
  // `batches` stays sorted and without a size twice.
  void add_to(std::vector<BatchStats>& batches) const;

 private:
  using Counter = std::atomic<std::uint64_t>;
  // Sizes are kept exactly, as many different ones as there are slots; more are not listed. Small
  // ones, which are nearly all, never collide.
  static constexpr std::size_t kSizes = 128;
  struct Slot {
    Counter rows{0};  // 0: free
    Counter executions{0};
    Counter input_ns{0};
    Counter infer_ns{0};
    Counter output_ns{0};
  };
  Slot* slot_of(std::uint64_t rows);

  std::array<Slot, kSizes> slots_;
};

}  // namespace mlops
