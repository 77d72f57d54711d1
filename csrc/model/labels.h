#pragma once
// The names of an output's classes: one a line.

#include <string>
#include <vector>

#include "base/status.h"

namespace mlops {

// Line n names class n; the last line may lack its end. Blocks on disk; not_found without a file,
// invalid_argument beyond a million lines or 64 MiB.
Result<std::vector<std::string>> read_labels(const std::string& path);

}  // namespace mlops
