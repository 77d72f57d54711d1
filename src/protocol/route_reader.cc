#include "protocol/route_reader.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>

namespace mlops {
namespace {

Status bad(std::string text) { return Status::invalid_argument("route: " + std::move(text)); }

Status unknown(std::string_view where, std::string_view key) {
  return bad(std::string(where) + " has no member " + in_quotes(key.substr(0, 64)));
}

Status read_text(JsonCursor& json, std::string_view key, std::string& out) {
  if (json.peek() != JsonKind::string) return bad(in_quotes(key) + " must be a string");
  out = json.string();
  return json.status();
}

Status read_texts(JsonCursor& json, std::string_view key, std::vector<std::string>& out) {
  constexpr std::size_t kMost = 1024;
  if (json.peek() != JsonKind::array) return bad(in_quotes(key) + " must be an array of strings");
  for (json.enter_array(); json.next_element();) {
    if (out.size() == kMost) return bad(in_quotes(key) + " has too many values");
    if (Status s = read_text(json, key, out.emplace_back()); !s.ok()) return s;
  }
  return json.status();
}

template <class Integer>
Status read_whole(JsonCursor& json, std::string_view key, Integer& out) {
  if (json.peek() != JsonKind::number) return bad(in_quotes(key) + " must be a whole number");
  const std::string_view text = json.number();
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (!json.ok()) return json.status();
  if (error != std::errc() || stop != text.data() + text.size()) {
    return bad(in_quotes(key) + " is not a whole number in its range");
  }
  return {};
}

// A fraction in steps of 0.0001.
Status read_share(JsonCursor& json, std::string_view key, std::uint16_t& out) {
  if (json.peek() != JsonKind::number) return bad(in_quotes(key) + " must be a number");
  const std::string_view text = json.number();
  if (!json.ok()) return json.status();
  double share = -1;
  std::from_chars(text.data(), text.data() + text.size(), share);
  const double slots = std::round(share * kRouteSlots);
  if (!(share >= 0 && share <= 1) || std::abs(share * kRouteSlots - slots) > 1e-6) {
    return bad(in_quotes(key) + " must be from 0 to 1 in steps of 0.0001");
  }
  out = static_cast<std::uint16_t>(slots);
  return {};
}

Status read_slots(JsonCursor& json, std::vector<SlotRun>& slots) {
  if (json.peek() != JsonKind::array) return bad("'slots' must be pairs of an arm and a number");
  for (json.enter_array(); json.next_element();) {
    std::array<std::uint16_t, 2> pair{};
    std::size_t read = 0;
    if (json.peek() != JsonKind::array) return bad("'slots' must be pairs of an arm and a number");
    for (json.enter_array(); json.next_element(); ++read) {
      if (read == pair.size()) return bad("'slots' must be pairs of an arm and a number");
      if (Status s = read_whole(json, "slots", pair[read]); !s.ok()) return s;
    }
    if (!json.ok()) return json.status();
    if (read != pair.size() || pair[0] >= kArmsMax || slots.size() > kRouteSlots) {
      return bad("'slots' must be pairs of an arm and a number");
    }
    slots.push_back({static_cast<ArmIndex>(pair[0]), pair[1]});
  }
  return json.status();
}

// A member that says where in a request to look. False when it is another member.
bool is_field(std::string_view key) {
  return key == "header" || key == "parameter" || key == "request_id" || key == "inputs";
}

Status read_field_member(JsonCursor& json, std::string_view key, RequestField& field) {
  using Kind = RequestField::Kind;
  if (field.kind != Kind::none) return bad("one of header, parameter, request_id and inputs");
  if (key == "request_id") {
    field.kind = Kind::request_id;
    bool always = false;
    if (Status s = read_json_boolean(json, key, always); !s.ok()) return s;
    return always ? Status() : bad("'request_id' can only be true");
  }
  if (key == "inputs") {
    field.kind = Kind::inputs;
    return read_texts(json, key, field.names);
  }
  field.kind = key == "header" ? Kind::header : Kind::parameter;
  if (Status s = read_text(json, key, field.names.emplace_back()); !s.ok()) return s;
  if (field.kind == Kind::header) {
    for (char& c : field.names[0]) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  }
  return {};
}

// Calls `member(key)` for each member of the object that comes next; none may come twice.
template <class Member>
Status read_members(JsonCursor& json, std::string_view what, Member member) {
  if (json.peek() != JsonKind::object) return bad(std::string(what) + " must be an object");
  std::set<std::string> seen;
  std::string_view key;
  for (json.enter_object(); json.next_key(key);) {
    const auto [name, is_new] = seen.insert(std::string(key));
    if (!is_new) return bad(in_quotes(*name) + " is there twice");
    if (Status s = member(*name); !s.ok()) return s;
  }
  return json.status();
}

Status read_field(JsonCursor& json, std::string_view what, RequestField& field) {
  return read_members(json, what, [&](const std::string& key) {
    return is_field(key) ? read_field_member(json, key, field) : unknown(what, key);
  });
}

template <class Element>
Status read_list(JsonCursor& json, std::string_view what, std::size_t most, Element element) {
  if (json.peek() != JsonKind::array) return bad(in_quotes(what) + " must be an array");
  std::size_t count = 0;
  for (json.enter_array(); json.next_element();) {
    if (count++ == most) return bad("there are too many " + std::string(what));
    if (Status s = element(); !s.ok()) return s;
  }
  return json.status();
}

Status read_arm(JsonCursor& json, RouteArm& arm) {
  return read_members(json, "an arm", [&](const std::string& key) {
    if (key == "name") return read_text(json, key, arm.name);
    if (key == "version") return read_whole(json, key, arm.version);
    return key == "share" ? read_share(json, key, arm.share) : unknown("an arm", key);
  });
}

Status read_shadow(JsonCursor& json, RouteShadow& shadow) {
  return read_members(json, "a shadow", [&](const std::string& key) {
    if (key == "version") return read_whole(json, key, shadow.version);
    return key == "sample" ? read_share(json, key, shadow.sample) : unknown("a shadow", key);
  });
}

Status read_double(JsonCursor& json, std::string_view key, double& out) {
  if (json.peek() != JsonKind::number) return bad(in_quotes(key) + " must be a number");
  const std::string_view text = json.number();
  std::from_chars(text.data(), text.data() + text.size(), out);
  return json.status();
}

Status read_guard(JsonCursor& json, GuardPlan& guard) {
  return read_members(json, "'guard'", [&](const std::string& key) {
    if (key == "arm") return read_text(json, key, guard.arm);
    if (key == "alpha") return read_double(json, key, guard.alpha);
    if (key == "margin") return read_double(json, key, guard.margin);
    if (key == "warm_up") return read_whole(json, key, guard.warm_up);
    if (key == "failures_in_a_row") return read_whole(json, key, guard.failures_in_a_row);
    if (key == "latency_tolerance") return read_double(json, key, guard.latency_tolerance);
    if (key == "latency_slack_us") return read_whole(json, key, guard.latency_slack_us);
    return key == "automatic" ? read_json_boolean(json, key, guard.automatic)
                              : unknown("'guard'", key);
  });
}

Status read_incident(JsonCursor& json, RouteIncident& incident) {
  return read_members(json, "'rolled_back'", [&](const std::string& key) {
    if (key == "arm") return read_text(json, key, incident.arm);
    if (key == "version") return read_whole(json, key, incident.version);
    if (key == "reason") return read_text(json, key, incident.reason);
    return key == "unix_ms" ? read_whole(json, key, incident.unix_ms)
                            : unknown("'rolled_back'", key);
  });
}

// Shares by the names of arms, which may come later.
using NamedShares = std::vector<std::pair<std::string, std::uint16_t>>;

Status read_rule(JsonCursor& json, RouteRule& rule, NamedShares& shares) {
  return read_members(json, "a rule", [&](const std::string& key) {
    if (is_field(key)) return read_field_member(json, key, rule.field);
    if (key == "in") return read_texts(json, key, rule.values);
    if (key == "slots") return read_slots(json, rule.slots);
    if (key != "shares") return unknown("a rule", key);
    return read_members(json, "'shares'", [&](const std::string& arm) {
      return read_share(json, arm, shares.emplace_back(arm, std::uint16_t{0}).second);
    });
  });
}

Status settle_rule(const RoutePlan& plan, const NamedShares& shares, RouteRule& rule) {
  rule.shares.assign(plan.arms.size(), 0);
  for (const auto& [name, share] : shares) {
    const auto arm = std::ranges::find(plan.arms, name, &RouteArm::name);
    if (arm == plan.arms.end()) return bad("a rule names " + in_quotes(name) + ", which is no arm");
    rule.shares[static_cast<std::size_t>(arm - plan.arms.begin())] = share;
  }
  return {};
}

}  // namespace

Status read_route(JsonCursor& json, RoutePlan& plan) {
  std::vector<NamedShares> shares;
  const auto member = [&](const std::string& key) -> Status {
    if (key == "stable") return read_whole(json, key, plan.stable);
    if (key == "salt") return read_text(json, key, plan.salt);
    if (key == "unit") return read_field(json, "'unit'", plan.unit);
    if (key == "override") return read_field(json, "'override'", plan.override_);
    if (key == "slots") return read_slots(json, plan.slots);
    if (key == "guard") return read_guard(json, plan.guard.emplace());
    if (key == "rolled_back") return read_incident(json, plan.rolled_back.emplace());
    if (key == "arms") {
      return read_list(json, key, kArmsMax,
                       [&] { return read_arm(json, plan.arms.emplace_back()); });
    }
    if (key == "shadows") {
      return read_list(json, key, RoutePlan::kShadowsMax,
                       [&] { return read_shadow(json, plan.shadows.emplace_back()); });
    }
    if (key == "rules") {
      return read_list(json, key, RoutePlan::kRulesMax, [&] {
        return read_rule(json, plan.rules.emplace_back(), shares.emplace_back());
      });
    }
    if (key != "state" && key != "model") return unknown("it", key);
    json.skip();
    return json.status();
  };
  if (Status s = read_members(json, "it", member); !s.ok()) return s;
  for (std::size_t i = 0; i < plan.rules.size(); ++i) {
    if (Status s = settle_rule(plan, shares[i], plan.rules[i]); !s.ok()) return s;
  }
  return {};
}

}  // namespace mlops
