#pragma once
// What normal is: for each stream of a model version the bins, the counts on them and the quantiles
// of the rows that it was made from. Immutable; its id is a digest of all of it, and two counts may
// be combined when the ids of their references are equal.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "observe/counts.h"

namespace mlops {

enum class StreamRole : std::uint8_t { input, output };

// One column of a tensor.
struct StreamName {
  StreamRole role = StreamRole::input;
  std::string tensor;
  std::uint32_t column = 0;  // within a row of the tensor
  std::string label;         // for people

  friend bool operator==(const StreamName&, const StreamName&) = default;
};

inline constexpr std::uint32_t kQuantiles = 256;

// A numeric stream. Bin of x: how many edges are <= x, so bins are closed on their left. Every bin
// holds at least one value of the reference.
struct NumericBins {
  std::vector<float> edges;  // ascending, above min and at most max; bins - 1 of them
  float min = 0;             // of the finite values; 0 when there are none
  float max = 0;
  float median = 0;
  std::vector<float> quantiles;  // kQuantiles: at levels (i + 1/2) / kQuantiles

  friend bool operator==(const NumericBins&, const NumericBins&) = default;
};

inline constexpr std::uint32_t kCategoriesMax = 256;
inline constexpr std::uint32_t kRareMax = 4096;

// A categorical stream: numbers or strings, the most frequent first. The place is the code.
struct Categories {
  bool of_strings = false;
  std::vector<double> numbers;
  std::vector<std::string> strings;
  std::vector<std::uint64_t> rare;  // ascending hashes of those without a code
  bool all_rare_known = true;       // false: more than kRareMax; no value can be said to be new

  std::size_t size() const { return of_strings ? strings.size() : numbers.size(); }

  friend bool operator==(const Categories&, const Categories&) = default;
};

struct StreamReference {
  StreamName name;
  NumericBins numeric;    // of StreamKind::numeric
  Categories categories;  // of StreamKind::categorical
  StreamCounts counts;    // of the reference's own rows; its kind is the stream's

  friend bool operator==(const StreamReference&, const StreamReference&) = default;
};

// Rows told apart by what one stream is: ranges of a numeric one, the first categories of another.
inline constexpr std::size_t kSegmentsMax = 64;             // of all segmentations of a reference
inline constexpr std::size_t kSegmentStreamsMax = 1 << 14;  // segments times streams
struct Segmentation {
  std::uint32_t stream = 0;
  std::vector<float> edges;         // ascending; a range is closed on its left
  std::uint32_t categories = 0;     // apart; the rest is one segment. 0: of a numeric stream
  std::vector<CountsTable> counts;  // of the reference's own rows, by segment

  // Missing has a segment of its own, the last one.
  std::size_t size() const { return (categories > 0 ? categories : edges.size()) + 2; }

  friend bool operator==(const Segmentation&, const Segmentation&) = default;
};

struct Reference {
  std::vector<StreamReference> streams;
  std::vector<Segmentation> segmentations;  // in the streams' order; of a stream at most one
  std::string id;                           // 32 hexadecimal digits; made by seal_reference()

  // Counts of no rows.
  CountsTable empty_counts() const;
};

using ReferencePtr = std::shared_ptr<const Reference>;

}  // namespace mlops
