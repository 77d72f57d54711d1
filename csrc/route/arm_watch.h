#pragma once
// What became of the requests that an arm got: counted, and said in the answer. Any thread.

#include <memory>
#include <string>

#include "base/sharded_counter.h"
#include "request/pending.h"
#include "route/arm_guard.h"
#include "route/shadow_sink.h"

namespace mlops {

// The parameter of an answer that says which arm gave it.
inline constexpr std::string_view kRouteArmParameter = "route_arm";
// And the chance that the arm had of getting the request: its propensity.
inline constexpr std::string_view kRouteShareParameter = "route_share";

// They go on from table to table while the arm has the same name and version.
struct ArmCounts {
  ShardedCounter success;    // requests
  ShardedCounter failure;    // whatever the reason, cancelled ones included
  ShardedCounter fell_back;  // went to stable, because the arm's version was not there
};

// The shadows of a route, in the order of its plan.
struct ShadowList {
  struct Shadow {
    std::int64_t version = 0;
    std::uint16_t sample = 0;
    std::shared_ptr<ShadowLog> log;
  };
  std::vector<Shadow> shadows;
  std::shared_ptr<ShadowSink> sink;  // null: nothing runs them
};

class ArmWatch final : public AnswerWatch {
 public:
  // An arm that is guarded, or stable beside it.
  struct Guarded {
    std::shared_ptr<ArmGuard> guard;  // null: neither
    bool by_arm = false;
    double share = 0;  // of the arm in both arms' requests
  };
  ArmWatch(std::string arm, std::shared_ptr<ArmCounts> counts, Guarded guarded,
           std::shared_ptr<const ShadowList> shadows, double share)
      : arm_(std::move(arm)),
        counts_(std::move(counts)),
        guarded_(std::move(guarded)),
        shadows_(std::move(shadows)),
        share_(share) {}

  void answered(const AnswerMark& mark, const Request& request,
                Response& response) const noexcept override;
  const std::shared_ptr<ArmCounts>& counts() const { return counts_; }
  bool is_timed() const { return guarded_.guard || !shadows_->shadows.empty(); }

 private:
  void tell_guard(const AnswerMark& mark, const Response& response, std::uint64_t latency_ns) const;
  void offer_shadows(const AnswerMark& mark, const Request& request, const Response& response,
                     std::uint64_t latency_ns) const;

  const std::string arm_;
  const std::shared_ptr<ArmCounts> counts_;
  const Guarded guarded_;
  const std::shared_ptr<const ShadowList> shadows_;
  const double share_;  // of all requests that neither a rule nor an override decides
};

}  // namespace mlops
