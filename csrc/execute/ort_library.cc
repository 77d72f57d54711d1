#include <cstring>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "execute/ort_runtime.h"

namespace mlops {
namespace {

namespace fs = std::filesystem;

// Names in `folder` that start with `prefix`, newest version first ("python3.12" before
// "python3.9").
std::vector<fs::path> entries_starting(const fs::path& folder, const std::string& prefix) {
  std::vector<fs::path> found;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    if (it->path().filename().string().starts_with(prefix)) found.push_back(it->path());
  }
  std::ranges::sort(found, [](const fs::path& a, const fs::path& b) {
    return strverscmp(a.filename().c_str(), b.filename().c_str()) > 0;
  });
  return found;
}

// The CPU and the GPU wheel install the same package folder.
void add_wheel(const fs::path& packages, std::vector<std::string>& out) {
  for (const fs::path& library :
       entries_starting(packages / "onnxruntime" / "capi", "libonnxruntime.so")) {
    out.push_back(library.lexically_normal().string());
  }
}

}  // namespace

std::vector<std::string> ort_library_candidates(const std::string& executable_dir) {
  std::vector<std::string> candidates;
  if (!executable_dir.empty()) {
    const fs::path prefix = fs::path(executable_dir) / "..";
    // A virtual environment, a user or a system prefix (Debian says dist-packages) ...
    for (const char* lib : {"lib", "lib64"}) {
      for (const fs::path& python : entries_starting(prefix / lib, "python3.")) {
        add_wheel(python / "site-packages", candidates);
        add_wheel(python / "dist-packages", candidates);
      }
    }
    // ... or an executable that lies inside a package, beside the one of ONNX Runtime.
    add_wheel(prefix, candidates);
  }
  candidates.emplace_back("libonnxruntime.so.1");
  candidates.emplace_back("libonnxruntime.so");
  return candidates;
}

}  // namespace mlops
