#include "tensor/slab_pool.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdlib>
#include <mutex>
#include <vector>

namespace mlops {
namespace {

constexpr std::size_t kSmallestClass = 8;  // 256 bytes
constexpr std::size_t kClasses = 48;
constexpr std::size_t kSlabAlignment = 64;

std::size_t class_of(std::size_t size) {
  return std::max(kSmallestClass, static_cast<std::size_t>(std::bit_width(size - (size > 0))));
}

}  // namespace

class Slab;

struct SlabPoolState {
  std::size_t budget = 0;
  mutable std::mutex mutex;
  bool closed = false;                            // guarded by mutex
  std::size_t in_use = 0;                         // guarded by mutex
  std::size_t retained = 0;                       // guarded by mutex
  std::array<std::vector<Slab*>, kClasses> free;  // guarded by mutex

  void free_retained_locked();
  void take_back(Slab* slab);
};

// Keeps the pool's state alive while handed out, and only then, so that retained slabs and the
// state do not own each other.
class Slab final : public BufferBlock {
 public:
  Slab(std::byte* data, std::size_t size_class) : BufferBlock(data, 0), size_class_(size_class) {}
  ~Slab() override { std::free(data_); }

  void hand_out(std::size_t size, std::shared_ptr<SlabPoolState> state) {
    size_ = size;
    state_ = std::move(state);
  }
  void reuse() { revive(); }
  std::size_t capacity() const { return std::size_t{1} << size_class_; }
  std::size_t size_class() const { return size_class_; }

 private:
  void last_ref_gone() override {
    const std::shared_ptr<SlabPoolState> state = std::move(state_);
    state->take_back(this);
  }

  std::size_t size_class_;
  std::shared_ptr<SlabPoolState> state_;
};

void SlabPoolState::free_retained_locked() {
  for (auto& list : free) {
    for (Slab* slab : list) delete slab;
    list.clear();
  }
  retained = 0;
}

void SlabPoolState::take_back(Slab* slab) {
  const std::lock_guard lock(mutex);
  in_use -= slab->capacity();
  if (closed) {
    delete slab;
    return;
  }
  retained += slab->capacity();
  free[slab->size_class()].push_back(slab);
}

SlabPool::SlabPool(std::size_t budget_bytes) : state_(std::make_shared<SlabPoolState>()) {
  state_->budget = budget_bytes;
}

SlabPool::~SlabPool() {
  const std::lock_guard lock(state_->mutex);
  state_->closed = true;
  state_->free_retained_locked();
}

Buffer SlabPool::acquire(std::size_t size) {
  const std::size_t size_class = class_of(size);
  if (size_class >= kClasses) return nullptr;
  const std::size_t capacity = std::size_t{1} << size_class;
  const std::lock_guard lock(state_->mutex);
  Slab* slab = nullptr;
  if (auto& list = state_->free[size_class]; !list.empty()) {
    slab = list.back();
    list.pop_back();
    state_->retained -= capacity;
    slab->reuse();
  } else {
    if (state_->in_use + capacity > state_->budget) return nullptr;
    // Retained slabs of other sizes count against the budget only until somebody needs the room.
    if (state_->in_use + state_->retained + capacity > state_->budget) {
      state_->free_retained_locked();
    }
    void* data = std::aligned_alloc(kSlabAlignment, capacity);
    if (!data) return nullptr;
    slab = new Slab(static_cast<std::byte*>(data), size_class);
  }
  state_->in_use += capacity;
  slab->hand_out(size, state_);
  return Buffer::adopt(slab);
}

std::size_t SlabPool::bytes_in_use() const {
  const std::lock_guard lock(state_->mutex);
  return state_->in_use;
}

std::size_t SlabPool::bytes_retained() const {
  const std::lock_guard lock(state_->mutex);
  return state_->retained;
}

}  // namespace mlops
