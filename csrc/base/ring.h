#pragma once
// A growable FIFO in one contiguous block: pushing and popping in steady state never allocates.

#include <cstddef>
#include <utility>
#include <vector>

namespace mlops {

template <class T>
class Ring {
 public:
  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }
  T& front() { return slots_[head_]; }
  T& operator[](std::size_t i) { return slots_[wrap(head_ + i)]; }
  const T& operator[](std::size_t i) const { return slots_[wrap(head_ + i)]; }

  void push_back(T value) {
    if (size_ == slots_.size()) grow();
    slots_[wrap(head_ + size_)] = std::move(value);
    ++size_;
  }
  T pop_front() {
    T value = std::exchange(slots_[head_], T());
    head_ = wrap(head_ + 1);
    --size_;
    return value;
  }
  // Keeps order; calls `drop` on what is removed.
  template <class Predicate, class Drop>
  void remove_if(Predicate predicate, Drop drop) {
    for (std::size_t left = size_; left > 0; --left) {
      T value = pop_front();
      if (predicate(value)) {
        drop(std::move(value));
      } else {
        push_back(std::move(value));
      }
    }
  }

 private:
  std::size_t wrap(std::size_t i) const { return i & (slots_.size() - 1); }
  void grow() {
    std::vector<T> larger(slots_.empty() ? 8 : slots_.size() * 2);
    for (std::size_t i = 0; i < size_; ++i) larger[i] = std::move((*this)[i]);
    slots_ = std::move(larger);
    head_ = 0;
  }

  std::vector<T> slots_;  // size is zero or a power of two
  std::size_t head_ = 0;
  std::size_t size_ = 0;
};

}  // namespace mlops
