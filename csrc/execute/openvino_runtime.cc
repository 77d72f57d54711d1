#include "execute/openvino_runtime.h"

#include <dlfcn.h>

#include <cstring>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <mutex>
#include <system_error>
#include <utility>

#include "execute/division_guard.h"

namespace mlops {
namespace {

constexpr int kOldestYear = 2026;
constexpr const char* kOldestRelease = "2026.0";

// One per process and library, for the same reasons as ONNX Runtime's: its threads and what they
// leave behind outlive an engine. Never removed, and the library is never closed.
struct OpenedLibraries {
  std::mutex mutex;
  std::vector<std::pair<void*, std::shared_ptr<const OpenvinoRuntime>>> entries;  // by mutex
};

OpenedLibraries& opened_libraries() {
  static auto* const libraries = new OpenedLibraries;
  return *libraries;
}

bool names_bf16(const OpenvinoApi& api, const ov_core* core) {
  char* text = nullptr;
  if (api.core_get_property(core, "CPU", "OPTIMIZATION_CAPABILITIES", &text) != kOpenvinoOk) {
    return false;
  }
  const std::string capabilities = text ? text : "";
  api.free(text);
  return capabilities.find("BF16") != std::string::npos;
}

// Operators on whole numbers divide as the file says. Reference kernels are in the library, the
// processor's own in its plug-in, which asking for its capabilities has loaded.
void guard_openvino_divisions(void* library, const std::string& path) {
  if (void* code = dlsym(library, "get_openvino_version")) guard_divisions(code);
  const auto plugin = std::filesystem::path(path).parent_path() / "libopenvino_intel_cpu_plugin.so";
  void* const opened = dlopen(plugin.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD);
  if (!opened) return;
  if (void* code = dlsym(opened, "create_plugin_engine")) guard_divisions(code);
  dlclose(opened);  // only the count of this dlopen()
}

}  // namespace

bool is_openvino_new_enough(const std::string& version) {
  int year = 0;
  const char* end = version.data() + version.size();
  const auto [rest, error] = std::from_chars(version.data(), end, year);
  return error == std::errc() && rest != end && *rest == '.' && year >= kOldestYear;
}

std::vector<std::string> openvino_library_candidates(
    const std::vector<std::string>& ort_libraries) {
  namespace fs = std::filesystem;
  std::vector<std::string> candidates;
  for (const std::string& library : ort_libraries) {
    // <packages>/onnxruntime/capi/libonnxruntime.so.1
    const fs::path folder = fs::path(library).parent_path();
    if (folder.filename() != "capi") continue;
    const fs::path libs = folder.parent_path().parent_path() / "openvino" / "libs";
    std::vector<std::string> found;
    std::error_code error;
    for (fs::directory_iterator it(libs, error), end; !error && it != end; it.increment(error)) {
      if (it->path().filename().string().starts_with("libopenvino_c.so")) {
        found.push_back(it->path().string());
      }
    }
    std::ranges::sort(found, [](const std::string& a, const std::string& b) {
      return strverscmp(a.c_str(), b.c_str()) > 0;
    });
    for (std::string& path : found) {
      if (std::ranges::find(candidates, path) == candidates.end()) {
        candidates.push_back(std::move(path));
      }
    }
  }
  return candidates;
}

Status OpenvinoRuntime::start() {
  OpenvinoVersion version;
  if (Status s = openvino_failure(api_, api_.get_openvino_version(&version), Code::not_found,
                                  "no version");
      !s.ok()) {
    return s;
  }
  version_ = version.build ? version.build : "";
  api_.version_free(&version);
  if (!is_openvino_new_enough(version_)) {
    return Status::not_found("version " + version_ + " is too old, " + kOldestRelease +
                             " or newer is needed");
  }
  if (Status s = openvino_failure(api_, api_.core_create(&core_), Code::not_found, "no core");
      !s.ok()) {
    return s;
  }
  has_bf16_ = names_bf16(api_, core_);
  return {};
}

Result<std::shared_ptr<const OpenvinoRuntime>> OpenvinoRuntime::load_locked(
    const std::string& candidate) {
  // RTLD_LOCAL, as for ONNX Runtime: a Python process may have its own.
  void* handle = dlopen(candidate.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    const char* text = dlerror();
    return Status::not_found(text ? text : "the loader gave no reason");
  }
  for (const auto& [known, runtime] : opened_libraries().entries) {
    if (known != handle) continue;
    dlclose(handle);  // only the count of this dlopen()
    return runtime;
  }
  auto runtime = std::make_shared<OpenvinoRuntime>();
  if (Status s = bind_openvino(handle, runtime->api_); !s.ok()) {
    dlclose(handle);
    return s;
  }
  Dl_info where{};
  runtime->path_ =
      dladdr(reinterpret_cast<void*>(runtime->api_.core_create), &where) && where.dli_fname
          ? where.dli_fname
          : candidate;
  // From here on code of the library has run: the memory stays mapped even where it is refused.
  if (Status s = runtime->start(); !s.ok()) return s;
  guard_openvino_divisions(handle, runtime->path_);
  opened_libraries().entries.emplace_back(handle, runtime);
  return std::shared_ptr<const OpenvinoRuntime>(std::move(runtime));
}

Result<std::shared_ptr<const OpenvinoRuntime>> OpenvinoRuntime::open(
    const std::vector<std::string>& candidates) {
  const std::lock_guard lock(opened_libraries().mutex);
  std::string failures;
  for (const std::string& candidate : candidates) {
    auto runtime = load_locked(candidate);
    if (runtime.ok()) return runtime;
    failures += "\n  " + candidate + ": " + runtime.status().message();
  }
  return Status::not_found(std::string("no usable OpenVINO library, version ") + kOldestRelease +
                           " or newer; tried:" + failures);
}

}  // namespace mlops
