#pragma once
// What an operator asks of one model's traffic, as data: which version is stable, which others get
// how much of it, who decides who gets what, and which versions see a copy. Shares are hundredths
// of a per cent.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "route/guard_plan.h"
#include "route/slot_layout.h"

namespace mlops {

// Where a request says something about itself.
struct RequestField {
  enum class Kind : std::uint8_t { none, header, parameter, request_id, inputs };
  Kind kind = Kind::none;
  std::vector<std::string> names;  // the header (lower case) or parameter; the inputs, in order
  friend bool operator==(const RequestField&, const RequestField&) = default;
};

struct RouteArm {
  std::string name;
  std::int64_t version = 0;
  std::uint16_t share = 0;
  friend bool operator==(const RouteArm&, const RouteArm&) = default;
};

struct RouteShadow {
  std::int64_t version = 0;
  std::uint16_t sample = kRouteSlots;  // of the requests
  friend bool operator==(const RouteShadow&, const RouteShadow&) = default;
};

// Requests that say one of `values` in `field` are shared out differently. The first rule counts.
struct RouteRule {
  RequestField field;  // a header or a parameter
  std::vector<std::string> values;
  std::vector<std::uint16_t> shares;  // of the arms, in their order; stable has the rest
  std::vector<SlotRun> slots;         // as in RoutePlan
  friend bool operator==(const RouteRule&, const RouteRule&) = default;
};

// Why an arm's traffic was taken away, until somebody writes the route anew.
struct RouteIncident {
  std::string arm;
  std::int64_t version = 0;
  std::string reason;
  std::int64_t unix_ms = 0;
  friend bool operator==(const RouteIncident&, const RouteIncident&) = default;
};

struct RoutePlan {
  static constexpr std::size_t kRulesMax = 32;
  static constexpr std::size_t kShadowsMax = 4;
  static constexpr std::size_t kRuleValuesMax = 256;
  static constexpr std::size_t kTextMax = 256;  // names, values, salt: bytes
  static constexpr std::string_view kStable = "stable";

  std::int64_t stable = 0;
  std::vector<RouteArm> arms;
  std::string salt;        // another one shuffles all units anew
  RequestField unit;       // none: the request id; a request without its unit is drawn by lot
  RequestField override_;  // a header or parameter whose value, an arm's name or version, decides
  std::vector<RouteRule> rules;
  std::vector<RouteShadow> shadows;
  std::optional<GuardPlan> guard;
  std::optional<RouteIncident> rolled_back;
  // Who has which slots now, from which a change of shares starts; empty: as in the table before,
  // if that has the same salt, else all stable. Of a plan that is in force, never empty.
  std::vector<SlotRun> slots;

  // Takes an arm's traffic away, or everybody's: an empty name.
  void take_away(std::string_view arm);
  // What is wrong, in words for whoever wrote it.
  Status validate() const;
  friend bool operator==(const RoutePlan&, const RoutePlan&) = default;
};

}  // namespace mlops
