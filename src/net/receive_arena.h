#pragma once
// Where a loop's sockets are read into: one chunk after another, packed. A small request is parsed
// where it arrived and keeps its chunk alive by reference, so its bytes are not copied again, and
// the requests of one turn lie side by side in cache. One thread.

#include <cstddef>
#include <span>
#include <vector>

#include "tensor/buffer.h"

namespace mlops {

class ReceiveArena {
 public:
  static constexpr std::size_t kChunkBytes = std::size_t{64} << 10;
  static constexpr std::size_t kReadBytesMin = std::size_t{16} << 10;

  // Room for one read, at least kReadBytesMin; empty when memory is gone.
  std::span<std::byte> space();
  // The first `bytes` of space() were written. The view lives as long as chunk() is held.
  std::span<const std::byte> take(std::size_t bytes);
  const Buffer& chunk() const { return chunk_; }
  // Nobody who kept no reference uses the bytes any longer: start over where possible.
  void end_turn();

 private:
  static constexpr std::size_t kSparesMax = 16;

  Buffer chunk_;
  std::size_t used_ = 0;
  std::vector<Buffer> busy_;  // full, still referred to by requests in flight; reused when free
};

}  // namespace mlops
