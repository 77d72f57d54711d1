#include "route/arm_watch.h"

namespace mlops {

void ArmWatch::answered(const AnswerMark& /*mark*/, Response& response) const noexcept {
  if (!response.status.ok()) return counts_->failure.add(1);
  counts_->success.add(1);
  response.parameters.push_back({std::string(kRouteArmParameter), arm_});
}

}  // namespace mlops
