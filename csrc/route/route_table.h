#pragma once
// One model's route, ready to be asked: immutable, but for the counters of its arms. Any thread; no
// lock, no allocation.

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "request/request.h"
#include "route/arm_watch.h"
#include "route/route_plan.h"

namespace mlops {

struct RouteChoice {
  enum class Why : std::uint8_t { share, rule, override_, unknown_override };
  ArmIndex arm = 0;
  Why why = Why::share;
  bool has_unit = false;    // false: drawn by lot
  std::uint64_t point = 0;  // the unit's place in the hash space
};

class RouteTable {
 public:
  struct Arm {
    std::string name;
    std::int64_t version = 0;
    std::uint16_t share = 0;
    Ref<const ArmWatch> watch;
  };

  // `before`, if any, is the table that this one follows: as few units as possible change their
  // arm.
  static Result<std::shared_ptr<const RouteTable>> make(RoutePlan plan, const RouteTable* before,
                                                        std::shared_ptr<ShadowSink> sink = {});

  // `draw` is a random number, for requests without a unit.
  RouteChoice choose(const Request& request, std::uint64_t draw) const;
  // What a unit would get, but for rules and overrides.
  RouteChoice choose_for(std::string_view unit) const;
  // Which of the plan's shadows see a copy; bit i: shadow i.
  std::uint32_t shadows_of(std::uint64_t draw) const;

  const RoutePlan& plan() const { return plan_; }
  const std::vector<Arm>& arms() const { return arms_; }  // the first is stable
  const ArmGuard* guard() const { return guard_.get(); }  // null: no arm is guarded
  const ShadowList& shadows() const { return *shadows_; }
  // Headers that this table looks at, in lower case, each once.
  const std::vector<std::string>& headers() const { return headers_; }

 private:
  explicit RouteTable(RoutePlan plan) : plan_(std::move(plan)) {}
  void name_arms(const RouteTable* before);
  void set_guard(const RouteTable* before);
  void set_shadows(const RouteTable* before, std::shared_ptr<ShadowSink> sink);
  ArmWatch::Guarded guarded(const Arm& arm) const;
  Status lay_out(const RouteTable* before);
  void list_headers();
  const SlotLayout* layout_of_rule(const Request& request) const;
  bool overridden(const Request& request, RouteChoice& choice) const;

  RoutePlan plan_;
  std::vector<Arm> arms_;
  std::shared_ptr<const ShadowList> shadows_;
  std::shared_ptr<ArmGuard> guard_;
  std::size_t guarded_ = 0;  // the index of its arm; 0: none
  SlotLayout layout_;
  std::vector<SlotLayout> rule_layouts_;
  std::vector<std::string> headers_;
};

}  // namespace mlops
