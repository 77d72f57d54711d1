#pragma once
// Makes a reference from columns that are in memory.

#include <span>
#include <string_view>

#include "observe/reference.h"

namespace mlops {

struct ReferenceOptions {
  std::uint32_t bins = kBinsDefault;              // 2 to kBinsMax
  std::uint32_t categories_max = kCategoriesMax;  // 1 to kCategoriesMax; others are rare
};

Status check_options(const ReferenceOptions& options);

// Equal-frequency bins: an edge at x_(ceil(m k / bins)) for each k. A value that fills a bin or
// more has a bin of its own, and none is empty, so there may be fewer bins than asked for.
StreamReference numeric_reference(StreamName name, std::span<const float> column,
                                  const ReferenceOptions& options);

// Null is NaN.
StreamReference number_categories(StreamName name, std::span<const double> column,
                                  const ReferenceOptions& options);
// Null has no data().
StreamReference string_categories(StreamName name, std::span<const std::string_view> column,
                                  const ReferenceOptions& options);

// Checks the streams as a whole (some, no two the same column) and gives them their id.
Result<ReferencePtr> seal_reference(std::vector<StreamReference> streams,
                                    std::vector<Segmentation> segmentations = {});

}  // namespace mlops
