#include "execute/openvino_backend.h"

#include <algorithm>
#include <fstream>
#include <new>
#include <span>
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

using Names = std::span<const std::string_view>;

// As the bytes of NodeProto.op_type: finding one where there is none only keeps a model in ONNX
// Runtime.
// A run inside one of these does not listen to an interruption, so a graph that never ends would
// hold up the end of the process.
constexpr std::string_view kEndless[] = {"\x22\x04Loop", "\x22\x04Scan"};
// Given an image that is smaller than the network's strides, OpenVINO (2026.4) writes beyond its
// memory in networks of these, where ONNX Runtime answers.
constexpr std::string_view kOverSpace[] = {
    "\x22\x04"
    "Conv",
    "\x22\x0d"
    "ConvTranspose",
    "\x22\x0b"
    "ConvInteger",
    "\x22\x0b"
    "QLinearConv",
    "\x22\x07"
    "MaxPool",
    "\x22\x0b"
    "AveragePool",
    "\x22\x06"
    "LpPool",
    "\x22\x0a"
    "DeformConv",
};
// Indices beyond the tensor are believed: OpenVINO (2026.4) reads or writes there.
constexpr std::string_view kByIndices[] = {
    "\x22\x08"
    "GatherND",
    "\x22\x07"
    "Scatter",
    "\x22\x0f"
    "ScatterElements",
    "\x22\x09"
    "ScatterND",
};
constexpr std::size_t kLongestName = 17;

Result<bool> names_any(const std::string& path, Names names) {
  constexpr std::size_t kChunk = std::size_t{1} << 20;
  std::ifstream file(path, std::ios::binary);
  if (!file) return Status::not_found("its file is gone");
  std::string text;
  while (file) {
    // A name may lie across two chunks.
    text.erase(0, text.size() - std::min(text.size(), kLongestName - 1));
    const std::size_t kept = text.size();
    text.resize(kept + kChunk);
    file.read(text.data() + kept, kChunk);
    text.resize(kept + static_cast<std::size_t>(file.gcount()));
    for (const std::string_view op : names) {
      if (text.find(op) != std::string::npos) return true;
    }
  }
  return false;
}

// Axes 0 and 1 are rows and channels.
bool has_open_space(const Signature& signature) {
  return std::ranges::any_of(signature.inputs, [](const TensorSpec& spec) {
    return !spec.rank_known ||
           (spec.dims.size() > 2 &&
            std::find(spec.dims.begin() + 2, spec.dims.end(), kAnySize) != spec.dims.end());
  });
}

Status check_operators(const std::string& path, const Signature& signature) {
  const Result<bool> endless = names_any(path, kEndless);
  if (!endless.ok()) return endless.status();
  if (*endless) return Status::unimplemented("it has a loop, which OpenVINO does not interrupt");
  const Result<bool> by_indices = names_any(path, kByIndices);
  if (!by_indices.ok()) return by_indices.status();
  if (*by_indices) {
    return Status::unimplemented("it gathers or scatters by indices that OpenVINO does not check");
  }
  if (!has_open_space(signature)) return {};
  const Result<bool> over_space = names_any(path, kOverSpace);
  if (!over_space.ok()) return over_space.status();
  if (!*over_space) return {};
  return Status::unimplemented(
      "it convolves over sizes that are open, where OpenVINO is not safe; dims of its inputs in "
      "config.pbtxt close them");
}

}  // namespace

Result<std::unique_ptr<Backend>> load_openvino_backend(
    std::shared_ptr<const OpenvinoRuntime> runtime, const std::string& path,
    const Backend& reference, const OpenvinoOptions& options, CopyMeter* copies) {
  try {
    const Signature& signature = options.signature ? *options.signature : reference.signature();
    if (Status s = check_operators(path, signature); !s.ok()) return s;
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
