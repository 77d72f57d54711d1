#include "execute/openvino_backend.h"

#include <new>
#include <string_view>
#include <utility>

#include "execute/openvino_executor.h"
#include "execute/openvino_limits.h"

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

}  // namespace

Result<std::unique_ptr<Backend>> load_openvino_backend(
    std::shared_ptr<const OpenvinoRuntime> runtime, const std::string& path,
    const Backend& reference, const OpenvinoOptions& options, CopyMeter* copies) {
  try {
    const Signature& signature = options.signature ? *options.signature : reference.signature();
    if (Status s = check_openvino_limits(path, signature); !s.ok()) return s;
    Result<std::shared_ptr<OpenvinoModel>> model =
        OpenvinoModel::load(std::move(runtime), path, signature, options.precision);
    if (!model.ok()) return model.status();
    return std::unique_ptr<Backend>(std::make_unique<OpenvinoBackend>(
        *std::move(model), std::string(reference.platform()), options.spread, copies));
  } catch (const std::bad_alloc&) {
    return Status::resource_exhausted("out of memory while loading it in OpenVINO");
  }
}

}  // namespace mlops
