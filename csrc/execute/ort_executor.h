#pragma once
// One lane's way to run an OrtModel: the arrays and tensor headers that a run needs are made once
// and kept, so that a run adds little to OrtApi::Run.

#include <memory>
#include <vector>

#include "base/log.h"
#include "execute/backend.h"
#include "execute/ort_values.h"

namespace mlops {

class OrtExecutor final : public Executor {
 public:
  // `copies` may be null; it and `log` outlive the executor.
  static Result<std::unique_ptr<Executor>> make(std::shared_ptr<const OrtModel> model,
                                                CopyMeter* copies, LogSink& log);

  Status run(std::span<const Tensor> inputs, std::span<OutputSlot> outputs) override;
  void interrupt() override;

 private:
  OrtExecutor(std::shared_ptr<const OrtModel> model, CopyMeter* copies, LogSink& log);

  Status run_or_throw(std::span<const Tensor> inputs, std::span<OutputSlot> outputs);
  Status bind_inputs(std::span<const Tensor> inputs);
  Status bind_input(std::size_t index, const Tensor& input);
  Status bind_outputs(std::span<const OutputSlot> outputs);
  OrtStatus* run_session();
  bool give_up_preallocation(const OrtStatus* failure);
  Status collect(std::span<const Tensor> inputs, std::span<OutputSlot> outputs);
  Status check_one_element(std::size_t index, Tensor& out);
  void drop_copies();

  std::shared_ptr<const OrtModel> model_;
  CopyMeter* copies_;
  LogSink& log_;
  OrtRunOptionsHandle run_options_;
  bool preallocate_ = true;

  // One entry per model input.
  std::vector<OrtTensorView> input_views_;
  std::vector<OrtValueHandle> strings_;  // only during a run
  std::vector<Buffer> realigned_;        // only during a run
  bool holds_copies_ = false;            // whether one of these two is in use
  std::vector<const OrtValue*> input_values_;

  // One entry per model output ...
  std::vector<OrtTensorView> output_views_;
  static constexpr unsigned kDoubtedRuns = 64;
  static constexpr unsigned kAlwaysDoubted = kDoubtedRuns + 1;
  std::vector<unsigned> doubts_;  // runs in which a one-element result is still asked for its shape
  // ... and one per wanted output, in the same order.
  std::vector<const char*> wanted_names_;
  std::vector<OrtValue*> wanted_values_;  // in: preallocated or null; out: the result
  std::vector<char> preallocated_;
  std::vector<OrtValueHandle> made_;  // results that ONNX Runtime allocated, until they are taken
};

}  // namespace mlops
