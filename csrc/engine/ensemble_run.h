#pragma once
// One request on its way through an ensemble: the tensors that are there, and the steps that wait.
// Tensors pass from model to model as views that share their buffers; nothing is copied here.
// Thread-safe: steps end on any thread. Lives as long as a step of it is in flight.

#include <memory>
#include <mutex>
#include <vector>

#include "model/ensemble_plan.h"
#include "request/pending.h"

namespace mlops {

// What a run needs of its ensemble.
class EnsembleOwner {
 public:
  virtual const EnsemblePlan& plan() const = 0;
  // Hands steps that can go to their models.
  virtual void launch(std::vector<PendingRef> steps) = 0;
  // The last step is done with. `response` is for the request; nothing of the run is used after.
  virtual void run_ended(Pending& request, Response&& response) = 0;
  virtual TimePoint now() const = 0;

 protected:
  ~EnsembleOwner() = default;
};

// The steps that a request waits for. When the request is answered otherwise (cancelled, too late,
// a step failed) they are cancelled: their models drop those that have not begun. Owned by the run
// and by the request, which outlives every call of room().
class StepsInFlight final : public PartSource {
 public:
  StepsInFlight(const Pending& request, std::size_t steps) : request_(request), calls_(steps) {}

  void add(std::size_t step, PendingRef call);
  void remove(std::size_t step);
  void room() noexcept override;

 private:
  const Pending& request_;
  std::mutex mutex_;
  std::vector<PendingRef> calls_;  // guarded by mutex_; by step
};

class EnsembleRun final : public RefCounted {
 public:
  // `positions`: where the request has each of the plan's inputs. `wanted`: indices of the plan's
  // outputs, in the order of the answer.
  EnsembleRun(std::shared_ptr<EnsembleOwner> owner, PendingRef request,
              const std::vector<std::size_t>& positions, std::vector<std::size_t> wanted);

  // The steps that need nothing but the request. Called once.
  std::vector<PendingRef> first_steps();
  void step_done(std::size_t step, const Pending& call, Response&& response) noexcept;

 private:
  std::vector<PendingRef> steps_that_can_go_locked();
  PendingRef make_step_locked(std::size_t index);
  Status take_outputs_locked(std::size_t step, const Response& response);
  void note_times_locked(const Pending& call, const Response& response);
  Response make_response_locked() const;

  const std::shared_ptr<EnsembleOwner> owner_;
  const PendingRef request_;
  const std::vector<std::size_t> wanted_;
  const Ref<StepsInFlight> calls_;

  std::mutex mutex_;
  std::vector<Tensor> tensors_;  // guarded by mutex_; by the plan's index
  std::vector<bool> there_;      // guarded by mutex_
  std::vector<bool> begun_;      // guarded by mutex_; by step
  std::size_t in_flight_ = 0;    // guarded by mutex_
};

}  // namespace mlops
