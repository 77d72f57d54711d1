#include "observe/stream_cells.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <string_view>

#include "observe/category_codes.h"

namespace mlops {
namespace {

constexpr std::array<std::string_view, kOwnMasses> kOwnNames{
    "missing", "-inf", "+inf", "below range", "above range", "other category", "new category"};

std::uint32_t own_cell(const StreamReference& stream, OwnMass mass) {
  return stream.counts.bins + static_cast<std::uint32_t>(mass);
}

std::string short_number(double number) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.6g", number);
  return text.data();
}

}  // namespace

std::uint32_t cell_of(const StreamReference& stream, float value) {
  if (std::isnan(value)) return own_cell(stream, OwnMass::missing);
  if (stream.counts.kind == StreamKind::categorical) {
    if (value == kOtherCode) return own_cell(stream, OwnMass::other_category);
    if (value == kNewCode) return own_cell(stream, OwnMass::new_category);
    return static_cast<std::uint32_t>(value);
  }
  if (std::isinf(value)) {
    return own_cell(stream, value < 0 ? OwnMass::negative_infinity : OwnMass::positive_infinity);
  }
  const NumericBins& bins = stream.numeric;
  if (value < bins.min) return own_cell(stream, OwnMass::below_range);
  if (value > bins.max) return own_cell(stream, OwnMass::above_range);
  return static_cast<std::uint32_t>(std::ranges::upper_bound(bins.edges, value) -
                                    bins.edges.begin());
}

std::string cell_name(const StreamReference& stream, std::uint32_t cell) {
  const std::uint32_t bins = stream.counts.bins;
  if (cell >= bins) return std::string(kOwnNames[std::min(cell - bins, kOwnMasses - 1)]);
  if (stream.counts.kind == StreamKind::categorical) {
    const Categories& categories = stream.categories;
    return categories.of_strings ? categories.strings[cell]
                                 : short_number(categories.numbers[cell]);
  }
  const NumericBins& numeric = stream.numeric;
  const bool last = cell + 1 == bins;
  const float from = cell == 0 ? numeric.min : numeric.edges[cell - 1];
  const float to = last ? numeric.max : numeric.edges[cell];
  return "[" + short_number(static_cast<double>(from)) + ", " +
         short_number(static_cast<double>(to)) + (last ? "]" : ")");
}

}  // namespace mlops
