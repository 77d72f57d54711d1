#pragma once
// An empty vector that a function needs for as long as it runs, with the memory that it had on this
// thread the last time: what is called for every batch allocates nothing once it has been at it for
// a while. `Use` tells two of them apart that are lent at the same time; one that is lent out
// already (the function calls itself) is made anew.

#include <cstddef>
#include <utility>
#include <vector>

namespace mlops {

template <class T, class Use>
class LentVector {
 public:
  LentVector() : vector_(std::move(kept())) {}
  ~LentVector() {
    vector_.clear();
    if (vector_.capacity() <= kKeptMost && vector_.capacity() > kept().capacity()) {
      kept() = std::move(vector_);
    }
  }
  LentVector(const LentVector&) = delete;
  LentVector& operator=(const LentVector&) = delete;

  std::vector<T>& operator*() { return vector_; }
  std::vector<T>* operator->() { return &vector_; }

 private:
  static constexpr std::size_t kKeptMost = 1024;

  static std::vector<T>& kept() {
    static thread_local std::vector<T> kept;
    return kept;
  }

  std::vector<T> vector_;
};

}  // namespace mlops
