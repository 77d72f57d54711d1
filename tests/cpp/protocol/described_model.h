#pragma once
// An engine that only knows how to describe itself.

#include <string>
#include <vector>

#include "engine/engine.h"
#include "support/requests.h"

namespace mlops::testing {

inline ModelInfo described_model() {
  ModelInfo info;
  info.name = "flights";
  info.version = 2;
  info.versions = {1, 2};
  info.platform = "onnxruntime_onnx";
  info.signature.inputs = {spec("x", DType::f32, {kAnySize, 4}),
                           spec("t", DType::bytes, {kAnySize})};
  info.signature.outputs = {spec("y", DType::i64, {kAnySize, 2, kAnySize})};
  info.batchable = true;
  info.has_batch_axis = true;
  info.batch_rows_max = 32;
  info.batch_delay_us_max = 500;
  info.lanes = 3;
  return info;
}

class DescribedEngine final : public Engine {
 public:
  bool is_ready = true;

  Result<ModelInfo> info(const std::string& name, std::int64_t version) const override {
    const ModelInfo known = described_model();
    if (name == known.name && (version == kAnyVersion || version == known.version)) return known;
    return Status::not_found("no model '" + name + "'");
  }
  std::vector<ModelInfo> models() const override { return {described_model()}; }
  bool ready() const override { return is_ready; }

  Status load(const ModelSource&) override { return unused(); }
  Status load(const ModelSource&, std::unique_ptr<Backend>) override { return unused(); }
  Status unload(const std::string&, std::int64_t) override { return unused(); }
  std::vector<Status> replace(const ModelSet&) override { return {}; }
  Status load_repository(const std::string&) override { return unused(); }
  Response infer(Request&& request) override { return Response::failure(request, unused()); }
  void submit(PendingRef) override {}
  void submit_turn(std::span<PendingRef>) override {}
  bool drain(TimePoint) override { return true; }
  EngineStats stats() const override { return {}; }
  CopyMeter& copies() override { return copies_; }
  const EngineOptions& options() const override { return options_; }

 private:
  static Status unused() { return Status::unimplemented("a description only"); }
  CopyMeter copies_;
  EngineOptions options_;
};

}  // namespace mlops::testing
