#pragma once
// One request of a sequence while a lane has it: the client's tensors with the controls and the
// state of its sequence beside them; its answer gives the state back and the rest to the client.

#include <vector>

#include "batch/job.h"
#include "batch/sequence_slots.h"
#include "model/sequence_plan.h"
#include "tensor/copy_meter.h"

namespace mlops {

// The state of the sequence in one slot, in the plan's order. Belongs to whoever runs that slot.
using SequenceStates = std::vector<Tensor>;

class SequenceCall final : public Pending {
 public:
  // The plan and the states outlive it.
  SequenceCall(const SequencePlan& plan, SequenceStep&& step, SequenceStates& states,
               CopyMeter& copies);

  std::size_t slot() const { return step_.slot; }

 private:
  void deliver(Response&& response) noexcept override;
  bool keep_states(Response& response) noexcept;

  const SequencePlan& plan_;
  SequenceStep step_;
  SequenceStates& states_;
  CopyMeter& copies_;
};

// A row that stands for a slot without a request: shaped like `like`, not ready, and whatever comes
// of it is thrown away.
PendingRef make_idle_row(const SequencePlan& plan, const Request& like);

// The correlation id as the control `control` wants it; fails when it is of another kind or does
// not fit.
Result<Tensor> correlation_tensor(const ControlTensor& control, const SequenceId& id);

}  // namespace mlops
