#pragma once
// What became of the requests that an arm got: counted, and said in the answer. Any thread.

#include <memory>
#include <string>

#include "base/sharded_counter.h"
#include "request/pending.h"

namespace mlops {

// The parameter of an answer that says which arm gave it.
inline constexpr std::string_view kRouteArmParameter = "route_arm";

// They go on from table to table while the arm has the same name and version.
struct ArmCounts {
  ShardedCounter success;    // requests
  ShardedCounter failure;    // whatever the reason, cancelled ones included
  ShardedCounter fell_back;  // went to stable, because the arm's version was not there
};

class ArmWatch final : public AnswerWatch {
 public:
  ArmWatch(std::string arm, std::shared_ptr<ArmCounts> counts)
      : arm_(std::move(arm)), counts_(std::move(counts)) {}

  void answered(const AnswerMark& mark, Response& response) const noexcept override;
  const std::shared_ptr<ArmCounts>& counts() const { return counts_; }

 private:
  const std::string arm_;
  const std::shared_ptr<ArmCounts> counts_;
};

}  // namespace mlops
