#include "route/route_plan.h"

#include <algorithm>
#include <set>

#include "base/in_quotes.h"

namespace mlops {
namespace {

Status bad(std::string text) { return Status::invalid_argument("route: " + std::move(text)); }

bool is_word(std::string_view text) {
  return !text.empty() && text.size() <= RoutePlan::kTextMax &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; });
}

// The names stand in response headers and metric labels.
bool is_arm_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
  });
}

Status check_field(const RequestField& field, std::string_view what, bool named_only) {
  using Kind = RequestField::Kind;
  if (field.kind == Kind::none) return {};
  const bool named = field.kind == Kind::header || field.kind == Kind::parameter;
  if (named_only && !named) return bad(std::string(what) + " must be a header or a parameter");
  if (named && field.names.size() != 1) return bad(std::string(what) + " needs one name");
  if (field.kind == Kind::inputs && (field.names.empty() || field.names.size() > kArmsMax)) {
    return bad(std::string(what) + " needs the names of 1 to 32 inputs");
  }
  for (const std::string& name : field.names) {
    if (!is_word(name)) return bad(std::string(what) + " has a name that is empty or not ASCII");
  }
  return {};
}

Status check_sum(std::uint32_t shares) {
  return shares <= kRouteSlots ? Status() : bad("the shares add up to more than 100 %");
}

Status check_arms(const RoutePlan& plan) {
  if (plan.stable < 1) return bad("'stable' must be a version, from 1 on");
  if (plan.arms.size() >= kArmsMax) return bad("there are more than 31 arms");
  std::set<std::string_view> names = {RoutePlan::kStable};
  std::uint32_t shares = 0;
  for (const RouteArm& arm : plan.arms) {
    if (!is_arm_name(arm.name)) {
      return bad("an arm's name is letters, digits, '_', '-' and '.', 64 at most");
    }
    if (!names.insert(arm.name).second) {
      return bad("two arms are named " + in_quotes(arm.name));
    }
    if (arm.version < 1) return bad("arm " + in_quotes(arm.name) + " has no version, from 1 on");
    shares += arm.share;
  }
  return check_sum(shares);
}

Status check_rule(const RouteRule& rule, std::size_t arms) {
  if (rule.field.kind == RequestField::Kind::none) return bad("a rule needs a header or parameter");
  if (Status s = check_field(rule.field, "a rule", true); !s.ok()) return s;
  if (rule.values.empty() || rule.values.size() > RoutePlan::kRuleValuesMax) {
    return bad("a rule needs 1 to 256 values");
  }
  for (const std::string& value : rule.values) {
    if (value.size() > RoutePlan::kTextMax) return bad("a rule's value is longer than 256 bytes");
  }
  if (rule.shares.size() != arms) return bad("a rule needs a share for each arm");
  std::uint32_t shares = 0;
  for (const std::uint16_t share : rule.shares) shares += share;
  return check_sum(shares);
}

Status check_guard(const GuardPlan& guard, const std::vector<RouteArm>& arms) {
  if (!std::ranges::count(arms, guard.arm, &RouteArm::name)) {
    return bad("the guard's arm " + in_quotes(guard.arm) + " is none of the arms");
  }
  if (!(guard.alpha >= 1e-9 && guard.alpha <= 0.5)) return bad("'alpha' is from 1e-9 to 0.5");
  if (!(guard.latency_tolerance >= 0 && guard.latency_tolerance <= 100)) {
    return bad("'latency_tolerance' is from 0 to 100");
  }
  if (guard.latency_slack_us > 10'000'000) return bad("'latency_slack_us' is at most ten seconds");
  if (!(guard.margin >= 1.01 && guard.margin <= 20)) return bad("'margin' is from 1.01 to 20");
  return {};
}

}  // namespace

void RoutePlan::take_away(std::string_view arm) {
  for (std::size_t i = 0; i < arms.size(); ++i) {
    if (!arm.empty() && arms[i].name != arm) continue;
    arms[i].share = 0;
    for (RouteRule& rule : rules) rule.shares[i] = 0;
  }
}

Status RoutePlan::validate() const {
  if (Status s = check_arms(*this); !s.ok()) return s;
  if (salt.size() > kTextMax) return bad("the salt is longer than 256 bytes");
  if (Status s = check_field(unit, "the unit", false); !s.ok()) return s;
  if (Status s = check_field(override_, "the override", true); !s.ok()) return s;
  if (rules.size() > kRulesMax) return bad("there are more than 32 rules");
  for (const RouteRule& rule : rules) {
    if (Status s = check_rule(rule, arms.size()); !s.ok()) return s;
  }
  if (guard) {
    if (Status s = check_guard(*guard, arms); !s.ok()) return s;
  }
  if (shadows.size() > kShadowsMax) return bad("there are more than 4 shadows");
  for (const RouteShadow& shadow : shadows) {
    if (shadow.version < 1) return bad("a shadow has no version, from 1 on");
    if (shadow.version == stable || std::ranges::count(arms, shadow.version, &RouteArm::version)) {
      return bad("version " + std::to_string(shadow.version) + " is a shadow and an arm");
    }
    if (shadow.sample > kRouteSlots) return bad("a shadow's sample is more than 100 %");
  }
  return {};
}

}  // namespace mlops
