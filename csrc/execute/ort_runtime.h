#pragma once
// The ONNX Runtime library, found and dlopen()ed at run time. The core is compiled against the C
// headers only; which build runs (CPU wheel, GPU wheel, a path) is decided here, once per process
// use. Thread-safe after open(). Loading blocks on disk.

#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/status.h"

struct OrtApi;
struct OrtEnv;

namespace mlops {

// Paths worth trying, best first: beside an installed wheel relative to `executable_dir` (…/bin ->
// …/lib/python3.*/site-packages/onnxruntime/capi/libonnxruntime.so.*), then the loader's own
// search.
std::vector<std::string> ort_library_candidates(const std::string& executable_dir);

class OrtRuntime {
 public:
  // Tries `candidates` in order; the first that loads and is new enough wins. The error lists every
  // candidate with the reason it failed; no candidates at all means the loader's own search.
  // `log` receives the library's warnings and errors and must outlive the runtime, which lives at
  // least as long as every back end loaded with it. The library itself stays for the whole process.
  static Result<std::shared_ptr<OrtRuntime>> open(const std::vector<std::string>& candidates,
                                                  LogSink& log);
  virtual ~OrtRuntime() = default;

  virtual const std::string& library_path() const = 0;
  virtual const std::string& version() const = 0;  // "1.32.0"

  // For the rest of execute/ort_*; valid for the whole process.
  virtual const OrtApi& api() const = 0;
  virtual OrtEnv* environment() const = 0;
  virtual LogSink& log() const = 0;
};

}  // namespace mlops
