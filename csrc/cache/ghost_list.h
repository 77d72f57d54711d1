#pragma once
// Which keys were thrown out lately: 16-bit fingerprints with the time they came, in buckets of
// four where the newest replaces the oldest. Remembers about as many as it was made for; may take
// one key for another once in some ten thousand times, which costs nothing but a wrong guess. For
// one thread at a time.

#include <array>
#include <cstdint>

#include "cache/mapped_array.h"

namespace mlops {

class GhostList {
 public:
  explicit GhostList(std::uint32_t keys);

  void add(std::uint64_t hash);
  // Whether it was added among the last `keys`; if so it is forgotten.
  bool take(std::uint64_t hash);
  bool ok() const { return buckets_.ok(); }
  std::size_t bytes() const { return buckets_.bytes(); }

 private:
  struct Mark {
    std::uint16_t print;  // 0: none
    std::uint16_t age;    // the quarter-thousandth of `keys` in which it came
  };
  using Bucket = std::array<Mark, 4>;

  Bucket& bucket_of(std::uint64_t hash);
  std::uint16_t now() const { return static_cast<std::uint16_t>(added_ / step_); }

  const std::uint64_t step_;
  const std::uint16_t span_;  // ages that count
  std::uint64_t added_ = 0;
  MappedArray<Bucket> buckets_;
};

}  // namespace mlops
