#pragma once
// Triton's repository layout, read but not interpreted: <directory>/<model>/<version>/model.onnx.

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"

namespace mlops {

struct RepositoryEntry {
  std::string model;
  std::int64_t version = 0;
  std::string model_path;
};

// Every version folder (a positive decimal name) that holds a model.onnx, sorted by model then
// version. Model folders without any are reported in `skipped`. Blocks on disk.
struct RepositoryListing {
  std::vector<RepositoryEntry> entries;
  std::vector<std::string> skipped;  // "<model>: why"
};
Result<RepositoryListing> list_repository(const std::string& directory);

// The highest version of each model.
std::vector<RepositoryEntry> newest_versions(const std::vector<RepositoryEntry>& entries);

}  // namespace mlops
