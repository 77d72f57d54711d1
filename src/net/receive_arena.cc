#include "net/receive_arena.h"

#include <algorithm>

namespace mlops {

std::span<std::byte> ReceiveArena::space() {
  if (chunk_ && kChunkBytes - used_ >= kReadBytesMin) return writable(chunk_).subspan(used_);
  if (chunk_ && busy_.size() < kSparesMax) busy_.push_back(std::move(chunk_));
  const auto free = std::find_if(busy_.begin(), busy_.end(),
                                 [](const Buffer& buffer) { return buffer->unique(); });
  if (free != busy_.end()) {
    chunk_ = std::move(*free);
    busy_.erase(free);
  } else {
    chunk_ = allocate_buffer(kChunkBytes);
  }
  used_ = 0;
  return chunk_ ? writable(chunk_) : std::span<std::byte>{};
}

std::span<const std::byte> ReceiveArena::take(std::size_t bytes) {
  const std::span<const std::byte> taken(chunk_->data() + used_, bytes);
  // The next request starts on its own cache line.
  used_ = std::min(kChunkBytes, (used_ + bytes + 63) / 64 * 64);
  return taken;
}

void ReceiveArena::end_turn() {
  if (chunk_ && chunk_->unique()) used_ = 0;
}

}  // namespace mlops
