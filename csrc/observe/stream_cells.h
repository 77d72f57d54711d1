#pragma once
// A stream's cells, one by one: where a staged value is counted, and what people call the place.
// For alerts and samples, not for counting.

#include <cstdint>
#include <string>

#include "observe/reference.h"

namespace mlops {

// The index into StreamCounts::masses of a value as it lies in a tile: a number, or a category's
// code.
std::uint32_t cell_of(const StreamReference& stream, float value);

// "[0, 12.5)", a category's value, or the name of a mass: "missing", "new category".
std::string cell_name(const StreamReference& stream, std::uint32_t cell);

}  // namespace mlops
