#pragma once
// What has probably happened to a stream, from its counts before and since. A guess for whoever is
// woken: rules over which cells gained, and whether one factor explains it all. Pure.

#include <cstdint>
#include <string_view>
#include <vector>

#include "observe/counts.h"

namespace mlops {

enum class DriftClass : std::uint8_t {
  missing,       // the column is no longer filled, or no longer sent
  infinite,      // a division by zero, or an overflow, upstream
  new_category,  // values that the reference did not have
  unit,          // every value times one factor (miles to kilometres, another sign)
  spike,         // one value or bin holds what many held
  shift,         // up or down
  spread,        // wider or narrower
  shape,         // anything else
};
std::string_view name_of(DriftClass kind);

// Causes that are mended where the data comes from; a model trained on them would learn the fault.
bool is_data_fault(DriftClass kind);

// A stream as it was: its counts and, of numbers, where its bins lie. As in a reference.
struct StreamBefore {
  StreamCounts counts;
  std::vector<float> edges;
  std::vector<float> quantiles;  // at levels (i + 1/2) / size
  float min = 0;
  float max = 0;
};

struct DriftCause {
  DriftClass kind = DriftClass::shape;
  double factor = 1;        // of a unit
  double shift_sigma = 0;   // of numbers: by the reference's normal scores
  double spread_ratio = 1;  // likewise
};

DriftCause likely_cause(const StreamBefore& before, const StreamCounts& now);

}  // namespace mlops
