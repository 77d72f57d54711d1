#include "tensor/buffer.h"

#include <cstdint>
#include <cstdlib>
#include <new>

namespace mlops {
namespace {

constexpr std::size_t kAlignment = 64;

// Header and bytes are one piece of malloc's: it keeps such for each thread, and none of what is
// allocated aligned.
class HeapBlock final : public BufferBlock {
 public:
  static Buffer make(std::size_t size) {
    if (size > SIZE_MAX - sizeof(HeapBlock) - kAlignment) return nullptr;
    void* const memory = std::malloc(sizeof(HeapBlock) + kAlignment - 1 + size);
    if (!memory) return nullptr;
    const auto behind = reinterpret_cast<std::uintptr_t>(memory) + sizeof(HeapBlock);
    const std::size_t gap = (kAlignment - behind % kAlignment) % kAlignment;
    std::byte* const data = static_cast<std::byte*>(memory) + sizeof(HeapBlock) + gap;
    return Buffer::adopt(new (memory) HeapBlock(data, size));
  }

 private:
  using BufferBlock::BufferBlock;
  void last_ref_gone() override {
    void* const memory = this;
    this->~HeapBlock();
    std::free(memory);
  }
};

class ForeignBlock final : public BufferBlock {
 public:
  ForeignBlock(std::byte* data, std::size_t size, std::function<void()> give_back)
      : BufferBlock(data, size), give_back_(std::move(give_back)) {}
  ~ForeignBlock() override {
    if (give_back_) give_back_();
  }

 private:
  std::function<void()> give_back_;
};

}  // namespace

Buffer allocate_buffer(std::size_t size) { return HeapBlock::make(size); }

Buffer foreign_buffer(const void* data, std::size_t size, std::function<void()> give_back) {
  // Holders only write to buffers they allocated themselves, so dropping const here is safe.
  auto* bytes = static_cast<std::byte*>(const_cast<void*>(data));
  return make_ref<ForeignBlock>(bytes, size, std::move(give_back));
}

}  // namespace mlops
