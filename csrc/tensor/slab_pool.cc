#include "tensor/slab_pool.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdlib>
#include <mutex>
#include <utility>
#include <vector>

namespace mlops {
namespace {

constexpr std::size_t kSmallestClass = 8;  // 256 bytes
constexpr std::size_t kClasses = 48;
constexpr std::size_t kSlabAlignment = 64;
// So much is kept whatever it was for. Above it only sizes stay that were asked for more than once
// lately, so that one request of a kind does not leave its memory here for good.
constexpr std::size_t kKeptFreely = std::size_t{64} << 20;
constexpr unsigned kWantedLately = 2;
constexpr unsigned kEpoch = 4096;  // acquisitions; "lately" is this epoch and the one before

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
  // Acquisitions by class in this epoch and in the one before, and all of this one; guarded by
  // mutex.
  std::array<unsigned, kClasses> wanted_now{};
  std::array<unsigned, kClasses> wanted_before{};
  unsigned acquired = 0;

  bool wanted_lately(std::size_t size_class) const {
    return wanted_now[size_class] + wanted_before[size_class] >= kWantedLately;
  }
  void note_wanted_locked(std::size_t size_class);
  void free_locked(std::size_t size_class);
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

void SlabPoolState::free_locked(std::size_t size_class) {
  for (Slab* slab : free[size_class]) {
    retained -= slab->capacity();
    delete slab;
  }
  free[size_class].clear();
}

void SlabPoolState::free_retained_locked() {
  for (std::size_t size_class = 0; size_class < kClasses; ++size_class) free_locked(size_class);
}

void SlabPoolState::note_wanted_locked(std::size_t size_class) {
  ++wanted_now[size_class];
  if (++acquired < kEpoch) return;
  acquired = 0;
  wanted_before = std::exchange(wanted_now, {});
  for (std::size_t i = kClasses; i-- > 0 && retained > kKeptFreely;) {
    if (!wanted_lately(i)) free_locked(i);
  }
}

void SlabPoolState::take_back(Slab* slab) {
  std::unique_lock lock(mutex);
  in_use -= slab->capacity();
  const bool kept = retained + slab->capacity() <= kKeptFreely || wanted_lately(slab->size_class());
  if (closed || !kept) {
    lock.unlock();
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
  state_->note_wanted_locked(size_class);
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
