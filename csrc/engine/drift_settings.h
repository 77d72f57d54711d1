#pragma once
// How watched versions are judged, of a whole engine. A version's own reference says the rest.

#include <string>

#include "base/status.h"
#include "observe/drift_judge.h"

namespace mlops {

struct DriftSettings {
  JudgeOptions judge{.retrain_cooldown = std::chrono::hours(24)};
  // Lanes that are idle hand over what they counted and it is judged, so often.
  Duration round = std::chrono::seconds(1);
  // Where what judges know outlives the process; empty: nowhere. One engine's alone.
  std::string state_directory;
  Duration save_every = std::chrono::seconds(30);

  Status validate() const;
};

}  // namespace mlops
