#pragma once
// The OpenVINO library, found and dlopen()ed at run time as ONNX Runtime's is. Optional: where it
// is not, models run without it. Thread-safe after open(). Loading blocks on disk.

#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "execute/openvino_api.h"

namespace mlops {

// The libraries of OpenVINO's wheel where it is installed beside the wheels that these libraries of
// ONNX Runtime are in; newest first.
std::vector<std::string> openvino_library_candidates(const std::vector<std::string>& ort_libraries);

class OpenvinoRuntime {
 public:
  // Tries `candidates` in order; the first that loads and is new enough wins. not_found lists every
  // candidate with the reason it failed. The library stays for the whole process.
  static Result<std::shared_ptr<const OpenvinoRuntime>> open(
      const std::vector<std::string>& candidates);

  const OpenvinoApi& api() const { return api_; }
  ov_core* core() const { return core_; }
  const std::string& version() const { return version_; }  // "2026.4.0-22959-..."
  const std::string& library_path() const { return path_; }
  // Whether the processor computes in bf16 faster than in f32, as OpenVINO sees it.
  bool has_bf16() const { return has_bf16_; }

 private:
  static Result<std::shared_ptr<const OpenvinoRuntime>> load_locked(const std::string& candidate);
  Status start();

  OpenvinoApi api_;
  ov_core* core_ = nullptr;
  std::string version_;
  std::string path_;
  bool has_bf16_ = false;
};

// "2026.4.0-22959-..." is at least 2026.0.
bool is_openvino_new_enough(const std::string& version);

}  // namespace mlops
