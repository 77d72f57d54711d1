#pragma once
// Whole files, with a bound.

#include <cstddef>
#include <string>

#include "base/status.h"

namespace mlops {

// Blocks on disk. not_found when there is none, invalid_argument when it is longer than `bytes_max`
// or no regular file, unavailable when it cannot be read.
Result<std::string> read_file(const std::string& path, std::size_t bytes_max);

}  // namespace mlops
