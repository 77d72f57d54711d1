#pragma once
// A graph of models under one name. It has no lanes and no threads: its steps are requests to the
// models, which batch them with everybody else's. A step's model is looked up by name when the step
// goes, so members may be swapped while requests are on their way.

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>

#include "engine/ensemble_run.h"
#include "engine/model_recorder.h"
#include "engine/servable.h"

namespace mlops {

// Hands requests to the engine's models, even when new requests from outside are refused. The
// first waits for nothing; the second may run fast models on the calling thread, as batches.
struct StepDoor {
  std::function<void(PendingRef)> submit;
  std::function<void(std::span<PendingRef>)> submit_turn;
};

class ServedEnsemble final : public Servable,
                             public EnsembleOwner,
                             public std::enable_shared_from_this<ServedEnsemble> {
 public:
  // `clock` and what `door` reaches outlive it. `level`: above that of every member.
  ServedEnsemble(std::shared_ptr<const ModelInfo> info, EnsemblePlan plan, StepDoor door,
                 const Clock& clock, int level);

  const ModelInfo& info() const override { return *info_; }
  ModelStats stats() const override;
  int level() const override { return level_; }

  bool infer(Request& request, TimePoint now, Response& response) override;
  bool submit(const PendingRef& pending, TimePoint now) override;
  bool submit_turn(std::span<PendingRef> turn, TimePoint now) override;
  // The steps have the request's deadline, so their models answer in time.
  TimePoint expire(TimePoint) override { return kNever; }
  bool drain(TimePoint deadline) override;
  void stop() override;

  const EnsemblePlan& plan() const override { return plan_; }
  void launch(std::vector<PendingRef> steps) override;
  void run_ended(Pending& request, Response&& response) override;
  TimePoint now() const override { return clock_.now(); }

 private:
  bool enter();
  void leave();
  Status check(const Request& request, TimePoint now, std::vector<std::size_t>& positions,
               std::vector<std::size_t>& wanted) const;
  std::vector<PendingRef> begin(const PendingRef& pending, TimePoint now);
  void refuse(Pending& pending, Status why);
  void run_here(std::vector<PendingRef> steps);

  const std::shared_ptr<const ModelInfo> info_;
  const EnsemblePlan plan_;
  const StepDoor door_;
  const Clock& clock_;
  const int level_;

  mutable std::mutex mutex_;
  std::condition_variable calm_;
  bool accepting_ = true;      // guarded by mutex_
  std::size_t in_flight_ = 0;  // guarded by mutex_
  LaneRecorder recorder_;      // written under mutex_
  FailureRecorder failures_;
};

}  // namespace mlops
