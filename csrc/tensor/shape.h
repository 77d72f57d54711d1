#pragma once
// A concrete tensor shape, held inline: copying one never allocates.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>

namespace mlops {

inline constexpr std::size_t kMaxRank = 16;

class Shape {
 public:
  // Most shapes are short and all are copied several times a request: four dims are copied without
  // asking, the others only where there are any. Compilers copy all sixteen by a string
  // instruction, whose start alone takes longer.
  Shape() { std::fill_n(dims_.begin(), kShortRank, 0); }
  Shape(const Shape& other) { *this = other; }
  Shape& operator=(const Shape& other) {
    rank_ = other.rank_;
    std::copy_n(other.dims_.begin(), kShortRank, dims_.begin());
    if (rank_ > kShortRank) copy_long(other);
    return *this;
  }
  Shape(std::initializer_list<std::int64_t> dims);                       // at most kMaxRank
  static std::optional<Shape> from(std::span<const std::int64_t> dims);  // nullopt above kMaxRank

  std::size_t rank() const { return rank_; }
  std::int64_t operator[](std::size_t axis) const { return dims_[axis]; }
  void set(std::size_t axis, std::int64_t size) { dims_[axis] = size; }
  bool push_back(std::int64_t size);  // false when the rank is already kMaxRank
  std::span<const std::int64_t> dims() const { return {dims_.data(), rank_}; }

  // Product of the dims; nullopt when a dim is negative or the product overflows int64. Scalars: 1.
  std::optional<std::int64_t> elements() const;
  std::string to_string() const;  // "[2,-1,3]"

  friend bool operator==(const Shape& a, const Shape& b);

 private:
  static constexpr std::size_t kShortRank = 4;
  void copy_long(const Shape& other);

  std::size_t rank_ = 0;
  std::array<std::int64_t, kMaxRank> dims_;  // only the first rank_ are meaningful
};

std::string dims_to_string(std::span<const std::int64_t> dims);

}  // namespace mlops
