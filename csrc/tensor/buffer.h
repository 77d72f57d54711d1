#pragma once
// Ref-counted bytes. Who allocated them does not matter to whoever holds them: heap, a slab that
// returns to its pool, or memory of somebody else with a way to give it back.
// Thread-safety: counting is; the bytes follow the usual rule (write before sharing, then only
// read).

#include <cstddef>
#include <functional>
#include <span>

#include "base/ref.h"

namespace mlops {

class BufferBlock : public RefCounted {
 public:
  std::byte* data() const { return data_; }
  std::size_t size() const { return size_; }

 protected:
  BufferBlock(std::byte* data, std::size_t size) : data_(data), size_(size) {}
  std::byte* data_;
  std::size_t size_;
};

using Buffer = Ref<BufferBlock>;

// Uninitialised, 64-byte aligned. Null when memory cannot be had. Size 0 gives a valid, empty
// block.
Buffer allocate_buffer(std::size_t size);

// Memory owned elsewhere; `give_back` runs exactly once, on whichever thread drops the last
// reference.
Buffer foreign_buffer(const void* data, std::size_t size, std::function<void()> give_back);

inline std::span<std::byte> writable(const Buffer& buffer) {
  return {buffer->data(), buffer->size()};
}

}  // namespace mlops
