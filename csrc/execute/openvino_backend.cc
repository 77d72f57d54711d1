#include "execute/openvino_backend.h"

#include <algorithm>
#include <fstream>
#include <new>
#include <string_view>
#include <utility>

#include "execute/openvino_executor.h"

namespace mlops {
namespace {

class OpenvinoBackend final : public Backend {
 public:
  OpenvinoBackend(std::shared_ptr<OpenvinoModel> model, std::string platform, double spread,
                  CopyMeter* copies)
      : model_(std::move(model)),
        platform_(std::move(platform)),
        spread_(spread),
        copies_(copies) {}

  const Signature& signature() const override { return model_->signature(); }
  std::string_view platform() const override { return platform_; }
  double answer_spread() const override { return spread_; }
  Result<std::unique_ptr<Executor>> make_executor() override {
    return OpenvinoExecutor::make(model_, copies_);
  }

 private:
  const std::shared_ptr<OpenvinoModel> model_;
  const std::string platform_;  // of the file's format, which is what clients ask about
  const double spread_;
  CopyMeter* const copies_;
};

// A run inside one of these does not listen to an interruption, so a graph that never ends would
// hold up the end of the process. Looked for as the bytes of NodeProto.op_type: finding one where
// there is none only keeps the model in ONNX Runtime.
constexpr std::string_view kEndless[] = {"\x22\x04Loop", "\x22\x04Scan"};

Result<bool> may_be_endless(const std::string& path) {
  constexpr std::size_t kChunk = std::size_t{1} << 20;
  std::ifstream file(path, std::ios::binary);
  if (!file) return Status::not_found("its file is gone");
  std::string text;
  while (file) {
    // A name may lie across two chunks.
    text.erase(0, text.size() - std::min(text.size(), kEndless[0].size() - 1));
    const std::size_t kept = text.size();
    text.resize(kept + kChunk);
    file.read(text.data() + kept, kChunk);
    text.resize(kept + static_cast<std::size_t>(file.gcount()));
    for (const std::string_view op : kEndless) {
      if (text.find(op) != std::string::npos) return true;
    }
  }
  return false;
}

}  // namespace

Result<std::unique_ptr<Backend>> load_openvino_backend(
    std::shared_ptr<const OpenvinoRuntime> runtime, const std::string& path,
    const Backend& reference, const OpenvinoOptions& options, CopyMeter* copies) {
  try {
    const Result<bool> endless = may_be_endless(path);
    if (!endless.ok()) return endless.status();
    if (*endless) return Status::unimplemented("it has a loop, which OpenVINO does not interrupt");
    Result<std::shared_ptr<OpenvinoModel>> model =
        OpenvinoModel::load(std::move(runtime), path, reference.signature(), options.precision);
    if (!model.ok()) return model.status();
    return std::unique_ptr<Backend>(std::make_unique<OpenvinoBackend>(
        *std::move(model), std::string(reference.platform()), options.spread, copies));
  } catch (const std::bad_alloc&) {
    return Status::resource_exhausted("out of memory while loading it in OpenVINO");
  }
}

}  // namespace mlops
