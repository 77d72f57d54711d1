#pragma once
// One lane's way to run an OpenvinoModel.

#include <array>
#include <atomic>
#include <memory>
#include <vector>

#include "execute/backend.h"
#include "execute/openvino_model.h"

namespace mlops {

// OpenVINO's tensors over somebody else's memory, made once for each memory and shape among the
// last few: a lane sees its own input memory in some batch sizes, and slabs that come back.
class OpenvinoTensorView {
 public:
  // `tensor` is dense and aligned for its element type; its bytes may be null when it is empty.
  // True when what get() gives is another than before.
  Result<bool> point_to(const OpenvinoApi& api, const Tensor& tensor);
  const ov_tensor* get() const { return made_[current_].value.get(); }

 private:
  static constexpr std::size_t kKept = 8;
  struct Made {
    OpenvinoHandle<ov_tensor> value;
    std::span<const std::byte> bytes;
    Shape shape;
  };

  std::array<Made, kKept> made_;
  std::size_t current_ = 0;
  std::size_t next_ = 0;  // what is replaced next
};

class OpenvinoExecutor final : public Executor {
 public:
  // `copies` may be null; it outlives the executor.
  static Result<std::unique_ptr<Executor>> make(std::shared_ptr<OpenvinoModel> model,
                                                CopyMeter* copies);
  ~OpenvinoExecutor() override;

  Status run(std::span<const Tensor> inputs, std::span<OutputSlot> outputs) override;
  void interrupt() override;

 private:
  OpenvinoExecutor(std::shared_ptr<OpenvinoModel> model, std::unique_ptr<OpenvinoLane> lane,
                   CopyMeter* copies);

  Status run_or_throw(std::span<const Tensor> inputs, std::span<OutputSlot> outputs);
  Status bind_input(std::size_t index, const Tensor& input);
  Status infer();
  Status take_output(std::size_t index, OutputSlot& slot);

  const std::shared_ptr<OpenvinoModel> model_;
  const OpenvinoApi& api_;
  std::unique_ptr<OpenvinoLane> lane_;
  CopyMeter* const copies_;
  OpenvinoHandle<ov_infer_request> request_;
  std::vector<OpenvinoTensorView> views_;  // one per input
  std::vector<Buffer> realigned_;          // one per input; only during a run
  std::atomic<bool> interrupted_{false};
  std::atomic<bool> running_{false};
};

}  // namespace mlops
