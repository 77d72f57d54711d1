#include "execute/ort_runtime.h"

#include <dlfcn.h>

#include <mutex>
#include <utility>

#include "execute/division_guard.h"
#include "execute/ort_handles.h"
#include "execute/ort_log.h"
#include "execute/ort_status.h"

namespace mlops {
namespace {

// The oldest API that has all we use. GetResizedStringTensorElementBuffer (1.15) forces it: the
// older ways to fill a string tensor take C strings and lose what follows a NUL.
constexpr std::uint32_t kApiVersion = 15;
constexpr const char* kOldestVersion = "1.15";

// A library that is in use: its environment, and the log that the environment writes to.
struct LoadedLibrary {
  void* handle = nullptr;
  const OrtApi* api = nullptr;
  OrtEnv* environment = nullptr;
  std::string path;
  std::string version;
  OrtLogFanOut logs;
};

// ONNX Runtime has one environment per process and library, whoever asks for it; this table says
// so. Entries are never removed: the library must not be dlclose()d, because threads and
// thread-local destructors that run its code may be left in the process, and outputs held by a
// caller are freed by its code, perhaps long after the last engine.
struct LoadedLibraries {
  std::mutex mutex;
  std::vector<std::unique_ptr<LoadedLibrary>> entries;  // guarded by mutex
};

LoadedLibraries& loaded_libraries() {
  static auto* const libraries = new LoadedLibraries;
  return *libraries;
}

class Runtime final : public OrtRuntime {
 public:
  Runtime(LoadedLibrary& library, LogSink& log) : library_(library), log_(log) {
    library_.logs.add(log_);
  }
  ~Runtime() override { library_.logs.remove(log_); }
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  const std::string& library_path() const override { return library_.path; }
  const std::string& version() const override { return library_.version; }
  const OrtApi& api() const override { return *library_.api; }
  OrtEnv* environment() const override { return library_.environment; }
  LogSink& log() const override { return log_; }

 private:
  LoadedLibrary& library_;
  LogSink& log_;
};

std::string last_loader_error() {
  const char* text = dlerror();
  return text ? text : "the loader gave no reason";
}

// Fills in everything but the environment. Nothing of the library has run yet that would keep it,
// so a refused one may still be closed.
Status bind(LoadedLibrary& library, const std::string& candidate) {
  void* symbol = dlsym(library.handle, "OrtGetApiBase");
  if (!symbol) return Status::not_found("not ONNX Runtime: it has no OrtGetApiBase");
  const auto get_base = reinterpret_cast<const OrtApiBase* (*)()>(symbol);
  const OrtApiBase* base = get_base();
  library.version = base->GetVersionString();
  library.api = base->GetApi(kApiVersion);
  if (!library.api) {
    return Status::not_found("version " + library.version + " is too old, " + kOldestVersion +
                             " or newer is needed");
  }
  Dl_info where{};
  library.path = dladdr(symbol, &where) && where.dli_fname ? where.dli_fname : candidate;
  return {};
}

Status start_environment(LoadedLibrary& library) {
  const OrtApi& api = *library.api;
  if (Status s = ort_failure(api, api.CreateEnvWithCustomLogger(
                                      &OrtLogFanOut::receive, &library.logs,
                                      ORT_LOGGING_LEVEL_WARNING, "mlops", &library.environment));
      !s.ok()) {
    return s;
  }
  return ort_failure(api, api.DisableTelemetryEvents(library.environment));
}

Result<LoadedLibrary*> load_locked(LoadedLibraries& libraries, const std::string& candidate,
                                   LogSink& log) {
  // RTLD_LOCAL keeps the library's symbols apart from those of a Python process that imports its
  // own.
  void* handle = dlopen(candidate.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle) return Status::not_found(last_loader_error());
  for (const auto& entry : libraries.entries) {
    if (entry->handle == handle) {
      dlclose(handle);  // only the count of this dlopen(); the entry keeps its own
      return entry.get();
    }
  }
  auto library = std::make_unique<LoadedLibrary>();
  library->handle = handle;
  if (Status s = bind(*library, candidate); !s.ok()) {
    dlclose(handle);
    return s;
  }
  LoadedLibrary* kept = libraries.entries.emplace_back(std::move(library)).get();
  if (!guard_divisions(reinterpret_cast<const void*>(kept->api->Run))) {
    log.log(Severity::warning, "integer divisions that the processor refuses will end the process");
  }
  if (Status s = start_environment(*kept); !s.ok()) {
    // Its code has run: the memory stays mapped, only the entry goes, so that it may be tried
    // again.
    static_cast<void>(libraries.entries.back().release());
    libraries.entries.pop_back();
    return s;
  }
  return kept;
}

}  // namespace

Result<std::shared_ptr<OrtRuntime>> OrtRuntime::open(const std::vector<std::string>& candidates,
                                                     LogSink& log) {
  LoadedLibraries& libraries = loaded_libraries();
  const std::lock_guard lock(libraries.mutex);
  std::string failures;
  for (const std::string& candidate :
       candidates.empty() ? ort_library_candidates("") : candidates) {
    auto library = load_locked(libraries, candidate, log);
    if (library.ok()) return std::shared_ptr<OrtRuntime>(std::make_shared<Runtime>(**library, log));
    failures += "\n  " + candidate + ": " + library.status().message();
  }
  return Status::not_found(std::string("no usable ONNX Runtime library, version ") +
                           kOldestVersion + " or newer; tried:" + failures);
}

}  // namespace mlops
