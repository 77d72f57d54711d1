#pragma once
// What is known of one stream (an input feature or an output) over some rows: exact counts on the
// reference's bins, what fits no bin as its own mass, and moments. Plain data; windows, replicas
// and lanes combine by adding, and slide by subtracting. Distances and detectors read it.
//
// Two counts can be combined or compared when they were made against the same reference: then bins
// and order are the same.

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "base/status.h"

namespace mlops {

enum class StreamKind : std::uint8_t { numeric, categorical };

inline constexpr std::uint32_t kBinsDefault = 32;
inline constexpr std::uint32_t kBinsMax = 256;  // of a numeric stream; categories listed by name

// What follows the regular bins, in this order; every row is counted in exactly one bin or mass.
// Finite values outside the reference's min..max are taken out of the end bins. The first five are
// of numeric streams (missing of both), the last two of categorical ones; the others stay 0.
enum class OwnMass : std::uint8_t {
  missing,  // NaN, null
  negative_infinity,
  positive_infinity,
  below_range,     // finite, less than the reference's least
  above_range,     // finite, greater than the reference's greatest
  other_category,  // in the reference, but too rare there to have a bin
  new_category,    // not in the reference
};
inline constexpr std::uint32_t kOwnMasses = 7;

// Of the finite values of a numeric stream, those out of range too. d = x - the reference's median.
struct Moments {
  std::uint64_t n = 0;
  double sum = 0;                                       // of d
  double sum2 = 0;                                      // of d * d
  float min = std::numeric_limits<float>::infinity();   // of x
  float max = -std::numeric_limits<float>::infinity();  // of x

  void add(const Moments& other);
  // Min and max have no inverse: they stay, as bounds.
  void subtract(const Moments& other);

  friend bool operator==(const Moments&, const Moments&) = default;
};

struct StreamCounts {
  StreamKind kind = StreamKind::numeric;
  std::uint32_t bins = 0;             // regular bins, or categories with a name
  std::vector<std::uint64_t> masses;  // bins regular ones, then kOwnMasses
  Moments moments;

  StreamCounts() = default;
  StreamCounts(StreamKind of, std::uint32_t regular)
      : kind(of), bins(regular), masses(regular + kOwnMasses, 0) {}

  std::span<const std::uint64_t> regular() const { return {masses.data(), bins}; }
  std::uint64_t own(OwnMass which) const {
    return masses[bins + static_cast<std::uint32_t>(which)];
  }
  std::uint64_t& own(OwnMass which) { return masses[bins + static_cast<std::uint32_t>(which)]; }
  std::uint64_t rows() const;  // of all bins and masses

  bool combines_with(const StreamCounts& other) const {
    return kind == other.kind && bins == other.bins;
  }
  // Counts are exact: adding is associative and commutative, subtracting what was added restores
  // them. Sums are of doubles, and are so to rounding. Both need combines_with().
  void add(const StreamCounts& other);
  void subtract(const StreamCounts& other);

  friend bool operator==(const StreamCounts&, const StreamCounts&) = default;
};

// One for each stream of a reference, in its order.
using CountsTable = std::vector<StreamCounts>;

// Back to counts of no rows, in the same memory.
void clear_counts(CountsTable& table);

// Refuse tables of different streams, and (subtract) what is not contained.
Status add_counts(CountsTable& to, const CountsTable& from);
Status subtract_counts(CountsTable& from, const CountsTable& what);

}  // namespace mlops
