#pragma once
// Recycled buffers in power-of-two sizes under one byte budget. Exhaustion is an answer (null), so
// memory pressure becomes refusal at the door instead of growth.
// Thread-safe. acquire() and the release of a slab take one short lock; neither blocks on memory.
// Slabs may outlive the pool: they keep its shared state alive and free themselves afterwards.

#include <cstddef>
#include <memory>

#include "tensor/buffer.h"

namespace mlops {

struct SlabPoolState;

class SlabPool {
 public:
  explicit SlabPool(std::size_t budget_bytes);
  ~SlabPool();
  SlabPool(const SlabPool&) = delete;
  SlabPool& operator=(const SlabPool&) = delete;

  // A buffer of exactly `size` visible bytes, 64-byte aligned, contents undefined; null when the
  // budget does not allow it.
  Buffer acquire(std::size_t size);

  std::size_t bytes_in_use() const;    // handed out now
  std::size_t bytes_retained() const;  // kept for reuse

 private:
  std::shared_ptr<SlabPoolState> state_;
};

}  // namespace mlops
