#include "micro/bare_ort.h"

#include <dlfcn.h>
#include <onnxruntime_c_api.h>

#include <functional>
#include <numeric>

namespace mlops::micro {
namespace {

constexpr std::uint32_t kApiVersion = 16;

class Bare final : public BareOrt {
 public:
  ~Bare() override;
  std::string load(const BareOptions& options, std::span<const std::int64_t> shape,
                   std::span<const float> rows);
  bool run(std::size_t request) override {
    const OrtValue* input = inputs_[request];
    return ok(api_->Run(session_, nullptr, &input_name_, &input, 1, output_names_.data(),
                        output_names_.size(), outputs_.data()));
  }
  Output output() const override;

 private:
  bool ok(OrtStatus* status) {
    if (status == nullptr) return true;
    error_ = api_->GetErrorMessage(status);
    api_->ReleaseStatus(status);
    return false;
  }
  bool open_session(const BareOptions& options);
  bool read_names();
  bool make_inputs(std::span<const std::int64_t> shape, std::span<const float> rows);

  void* library_ = nullptr;
  const OrtApi* api_ = nullptr;
  OrtEnv* env_ = nullptr;
  OrtSession* session_ = nullptr;
  OrtMemoryInfo* memory_ = nullptr;
  char* input_name_ = nullptr;
  std::vector<const char*> output_names_;
  std::vector<OrtValue*> inputs_;
  std::vector<OrtValue*> outputs_;
  std::string error_;
};

// Process-lived by intent: the library stays loaded, as it does in the server.
Bare::~Bare() {
  if (api_ == nullptr) return;
  for (OrtValue* value : inputs_) api_->ReleaseValue(value);
  for (OrtValue* value : outputs_) api_->ReleaseValue(value);
  if (memory_ != nullptr) api_->ReleaseMemoryInfo(memory_);
  if (session_ != nullptr) api_->ReleaseSession(session_);
  if (env_ != nullptr) api_->ReleaseEnv(env_);
}

bool Bare::open_session(const BareOptions& options) {
  OrtSessionOptions* wanted = nullptr;
  bool good = ok(api_->CreateEnv(ORT_LOGGING_LEVEL_ERROR, "bare", &env_)) &&
              ok(api_->CreateSessionOptions(&wanted)) &&
              ok(api_->SetIntraOpNumThreads(wanted, 1)) &&
              ok(api_->SetInterOpNumThreads(wanted, 1)) &&
              ok(api_->SetSessionGraphOptimizationLevel(wanted, ORT_ENABLE_ALL));
  if (good && !options.arena) good = ok(api_->DisableCpuMemArena(wanted));
  good = good && ok(api_->CreateSession(env_, options.model.c_str(), wanted, &session_));
  if (wanted != nullptr) api_->ReleaseSessionOptions(wanted);
  return good;
}

bool Bare::read_names() {
  OrtAllocator* allocator = nullptr;
  std::size_t outputs = 0;
  if (!ok(api_->GetAllocatorWithDefaultOptions(&allocator)) ||
      !ok(api_->SessionGetInputName(session_, 0, allocator, &input_name_)) ||
      !ok(api_->SessionGetOutputCount(session_, &outputs))) {
    return false;
  }
  outputs_.assign(outputs,
                  nullptr);  // the first run allocates them, every later one writes into them
  for (std::size_t i = 0; i < outputs; ++i) {
    char* name = nullptr;
    if (!ok(api_->SessionGetOutputName(session_, i, allocator, &name))) return false;
    output_names_.push_back(name);
  }
  return true;
}

bool Bare::make_inputs(std::span<const std::int64_t> shape, std::span<const float> rows) {
  if (!ok(api_->CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, &memory_))) return false;
  const auto floats = static_cast<std::size_t>(
      std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>()));
  for (std::size_t at = 0; at + floats <= rows.size(); at += floats) {
    OrtValue* value = nullptr;
    // The C API takes inputs as void*, and reads them only.
    if (!ok(api_->CreateTensorWithDataAsOrtValue(memory_, const_cast<float*>(rows.data() + at),
                                                 floats * sizeof(float), shape.data(), shape.size(),
                                                 ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, &value))) {
      return false;
    }
    inputs_.push_back(value);
  }
  return true;
}

std::string Bare::load(const BareOptions& options, std::span<const std::int64_t> shape,
                       std::span<const float> rows) {
  library_ = dlopen(options.library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library_ == nullptr) return dlerror();
  using GetBase = const OrtApiBase* (*)();
  const auto get_base = reinterpret_cast<GetBase>(dlsym(library_, "OrtGetApiBase"));
  if (get_base == nullptr) return "not an ONNX Runtime library: " + options.library;
  api_ = get_base()->GetApi(kApiVersion);
  if (api_ == nullptr) return "too old: " + options.library;
  return open_session(options) && read_names() && make_inputs(shape, rows) && run(0) ? "" : error_;
}

BareOrt::Output Bare::output() const {
  OrtTensorTypeAndShapeInfo* info = nullptr;
  std::size_t elements = 0;
  void* data = nullptr;
  if (OrtStatus* status = api_->GetTensorTypeAndShape(outputs_[0], &info); status != nullptr) {
    api_->ReleaseStatus(status);
    return {};
  }
  OrtStatus* counted = api_->GetTensorShapeElementCount(info, &elements);
  OrtStatus* mapped = api_->GetTensorMutableData(outputs_[0], &data);
  api_->ReleaseTensorTypeAndShapeInfo(info);
  for (OrtStatus* status : {counted, mapped}) {
    if (status != nullptr) api_->ReleaseStatus(status);
  }
  return {data, elements};
}

}  // namespace

std::unique_ptr<BareOrt> BareOrt::open(const BareOptions& options,
                                       std::span<const std::int64_t> shape,
                                       std::span<const float> rows, std::string& error) {
  auto bare = std::make_unique<Bare>();
  error = bare->load(options, shape, rows);
  if (!error.empty()) return nullptr;
  return bare;
}

}  // namespace mlops::micro
