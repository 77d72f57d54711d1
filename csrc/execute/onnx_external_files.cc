#include <filesystem>
#include <system_error>

#include "execute/onnx_scan.h"

namespace mlops {
namespace {

namespace fs = std::filesystem;

bool is_below(const fs::path& folder, const fs::path& file) {
  const fs::path relative = file.lexically_relative(folder);
  return !relative.empty() && *relative.begin() != "..";
}

Status refuse(const std::string& location, const std::string& why) {
  return Status::invalid_argument("external data '" + location + "' " + why);
}

}  // namespace

// ONNX Runtime checks this itself since 1.24; older libraries read whatever the model names, so
// that a model from a stranger could bring any file of the host into its weights.
Status check_external_files(const std::string& model_path, const OnnxScan& scan) {
  if (scan.external_files.empty()) return {};
  std::error_code error;
  const fs::path given_folder = fs::path(model_path).parent_path();
  // Both are the model's own: caches and mounted volumes link model.onnx to a file elsewhere that
  // has its weights beside it.
  const fs::path folder = fs::canonical(given_folder.empty() ? "." : given_folder, error);
  if (error) return Status::not_found("no folder " + given_folder.string());
  const fs::path linked_folder = fs::canonical(model_path, error).parent_path();
  if (error) return Status::not_found("no file " + model_path);

  for (const std::string& location : scan.external_files) {
    // ONNX Runtime's mark for "the offset is a pointer"; in a file it is an attack.
    if (location.find("_MEM_ADDR_") != std::string::npos ||
        location.find('\0') != std::string::npos) {
      return refuse(location, "is not a file name");
    }
    const fs::path relative(location);
    if (relative.is_absolute() || location.empty())
      return refuse(location, "is not a relative path");
    if (*relative.lexically_normal().begin() == "..") {
      return refuse(location, "leaves the model's folder");
    }
    const fs::path resolved = fs::canonical(folder / relative, error);
    if (error) {
      return Status::not_found("external data '" + location + "' is missing: " + error.message());
    }
    if (!is_below(folder, resolved) && !is_below(linked_folder, resolved)) {
      return refuse(location, "links to a place outside of the model's folder");
    }
    if (!fs::is_regular_file(resolved, error)) return refuse(location, "is not a regular file");
  }
  return {};
}

}  // namespace mlops
