#pragma once
// A list that is nearly always short: the first `kInline` elements lie in the object itself, and
// only a longer one allocates. For plain values.

#include <array>
#include <cstddef>
#include <type_traits>
#include <vector>

namespace mlops {

template <class T, std::size_t kInline>
class ShortList {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  const T& operator[](std::size_t i) const { return i < kInline ? first_[i] : more_[i - kInline]; }
  void push_back(const T& value) {
    if (size_ < kInline) {
      first_[size_] = value;
    } else {
      more_.push_back(value);
    }
    ++size_;
  }

 private:
  std::array<T, kInline> first_;  // only the first size_ are meaningful
  std::size_t size_ = 0;
  std::vector<T> more_;
};

}  // namespace mlops
