#pragma once
// What bins cannot say of streams: quantiles beyond the reference's range, how many different
// values there were, and the names of categories that the reference does not have. Fed on request
// alone, never by the counting pass (ADR 69). Not thread-safe.
//
// As bytes, little-endian: "MLOPSSKT", u32 version, text id of the reference, varint streams; for
// each u8 kind, varint rows, distinct values, then of a numeric stream quantiles, of another
// categories by name; u64 stable_hash of all before it. Numbers are as in profile_bytes.h.

#include <string>
#include <string_view>
#include <vector>

#include "observe/category_codes.h"
#include "observe/distinct_sketch.h"
#include "observe/frequent_values.h"
#include "observe/quantile_sketch.h"
#include "observe/reference.h"

namespace mlops {

inline constexpr std::uint32_t kSketchVersion = 1;

struct StreamSketch {
  StreamKind kind = StreamKind::numeric;
  std::uint64_t rows = 0;  // missing ones are none
  DistinctSketch distinct;
  QuantileSketch quantiles;       // of numbers
  FrequentValues new_categories;  // of categories; of a reference that does not know all of its
                                  // own, those that it has no bin for

  void add(float value);
  void add(double category, const Categories& known, float code);
  void add(std::string_view category, const Categories& known, float code);

  friend bool operator==(const StreamSketch&, const StreamSketch&) = default;
};

struct StreamSketches {
  std::string reference_id;
  std::vector<StreamSketch> streams;  // in the reference's order

  explicit StreamSketches(const Reference& reference);
  StreamSketches() = default;

  // invalid_argument when the two are of different references.
  Status merge(const StreamSketches& other);

  friend bool operator==(const StreamSketches&, const StreamSketches&) = default;
};

std::string sketch_bytes(const StreamSketches& sketches);
// Refuses everything that sketch_bytes() would not have written.
Result<StreamSketches> read_sketches(std::string_view bytes);

}  // namespace mlops
