#include "engine/drift_settings.h"

namespace mlops {

Status DriftSettings::validate() const {
  if (!(judge.average_run_rows >= 1e3 && judge.average_run_rows <= 1e15)) {
    return Status::invalid_argument("drift: average_run_rows must be 1e3 to 1e15");
  }
  if (!(judge.margin >= 0 && judge.margin <= 10)) {
    return Status::invalid_argument("drift: the margin must be 0 to 10");
  }
  if (!(judge.effect_warning > 0 && judge.effect_warning <= judge.effect_critical)) {
    return Status::invalid_argument(
        "drift: effect_warning must be above 0, and at most effect_critical");
  }
  if (!(judge.fdr > 0 && judge.fdr < 1) ||
      !(judge.retrain_share >= 0 && judge.retrain_share <= 1)) {
    return Status::invalid_argument("drift: fdr and retrain_share are shares of 1");
  }
  if (round < std::chrono::milliseconds(10) || save_every < round) {
    return Status::invalid_argument("drift: a round takes 10 ms or more, and saving no less");
  }
  return {};
}

}  // namespace mlops
