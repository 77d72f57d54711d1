#include "tensor/buffer.h"

#include <cstdlib>

namespace mlops {
namespace {

constexpr std::size_t kAlignment = 64;

class HeapBlock final : public BufferBlock {
 public:
  HeapBlock(std::byte* data, std::size_t size) : BufferBlock(data, size) {}
  ~HeapBlock() override { std::free(data_); }
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

Buffer allocate_buffer(std::size_t size) {
  if (size > SIZE_MAX - kAlignment) return nullptr;
  const std::size_t rounded = (size + kAlignment - 1) / kAlignment * kAlignment;
  void* data = std::aligned_alloc(kAlignment, rounded == 0 ? kAlignment : rounded);
  if (!data) return nullptr;
  return make_ref<HeapBlock>(static_cast<std::byte*>(data), size);
}

Buffer foreign_buffer(const void* data, std::size_t size, std::function<void()> give_back) {
  // Holders only write to buffers they allocated themselves, so dropping const here is safe.
  auto* bytes = static_cast<std::byte*>(const_cast<void*>(data));
  return make_ref<ForeignBlock>(bytes, size, std::move(give_back));
}

}  // namespace mlops
