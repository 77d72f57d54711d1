#pragma once
// What a version's rows looked like, as JSON, and spans of time as a URL says them. Pure functions.

#include <optional>
#include <string>
#include <string_view>

#include "engine/engine.h"

namespace mlops {

// "90s", "15m", "6h", "30d": a whole number above 0 and its unit, a year at most.
Result<Duration> parse_span(std::string_view text);

// Counts of each stream and its distances from the reference; docs/drift.md says what they are.
std::string drift_json(const DriftSnapshot& snapshot);

}  // namespace mlops
