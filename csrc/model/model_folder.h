#pragma once
// One model of a repository as it lies on disk, in Triton's layout: <repository>/<model>/ with an
// optional config.pbtxt, label files, and <version>/<model file>. Read, not loaded. Everything here
// blocks on disk; nothing throws.

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "model/model_config.h"

namespace mlops {

struct ModelFolder {
  std::string name;
  std::string path;
  std::shared_ptr<const ModelConfig> config;  // null: none was given, all is inferred
  std::vector<std::string> unused;            // settings that change nothing here
  // Versions that have what their back end needs, with a digest of names, sizes and times of
  // everything that they are made of: equal digests mean that nothing changed.
  std::map<std::int64_t, std::uint64_t> versions;
  Status status;  // why none of it can be served

  std::vector<std::int64_t> served_versions() const;  // by the version policy, ascending
  std::string model_path(std::int64_t version) const;
};

inline constexpr std::string_view kConfigFile = "config.pbtxt";
inline constexpr std::string_view kModelFile = "model.onnx";

// A configuration that is given takes the place of config.pbtxt.
ModelFolder read_model_folder(const std::string& path,
                              std::shared_ptr<const ModelConfig> given = nullptr);

// Every folder of a repository that is not hidden, by name. Fails only when the directory itself
// cannot be read.
Result<std::vector<ModelFolder>> read_repository(const std::string& directory);

// Names that may become part of a path.
Status check_model_name(std::string_view name);

}  // namespace mlops
