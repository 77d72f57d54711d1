#pragma once
// A concrete tensor shape, held inline: copying one never allocates.

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
  Shape() = default;
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
  std::size_t rank_ = 0;
  std::array<std::int64_t, kMaxRank> dims_;  // only the first rank_ are meaningful
};

std::string dims_to_string(std::span<const std::int64_t> dims);

}  // namespace mlops
