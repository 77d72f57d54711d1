#pragma once
// A fixed array of zeroes that gets its memory page by page, as it is first written: a large cache
// that nobody uses costs nothing.

#include <sys/mman.h>

#include <cstddef>
#include <type_traits>
#include <utility>

namespace mlops {

// All zero bits must be a good T.
template <class T>
class MappedArray {
  static_assert(std::is_trivially_destructible_v<T>);

 public:
  // Check ok() before use.
  explicit MappedArray(std::size_t size) : size_(size) {
    void* memory = mmap(nullptr, bytes(), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory != MAP_FAILED) items_ = static_cast<T*>(memory);
  }
  ~MappedArray() {
    if (items_) munmap(items_, bytes());
  }
  MappedArray(const MappedArray&) = delete;
  MappedArray& operator=(const MappedArray&) = delete;

  bool ok() const { return items_ != nullptr; }
  std::size_t size() const { return size_; }
  std::size_t bytes() const { return (size_ > 0 ? size_ : 1) * sizeof(T); }
  T& operator[](std::size_t i) { return items_[i]; }
  const T& operator[](std::size_t i) const { return items_[i]; }
  const T* data() const { return items_; }

 private:
  T* items_ = nullptr;
  const std::size_t size_;
};

}  // namespace mlops
