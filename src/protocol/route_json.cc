#include "protocol/route_json.h"

#include <cmath>

#include "protocol/json_writer.h"
#include "protocol/route_reader.h"
#include "protocol/shadow_json.h"
#include "protocol/utf8.h"
#include "route/route_table.h"

namespace mlops {
namespace {

double fraction(std::uint16_t slots) { return static_cast<double>(slots) / kRouteSlots; }

void write_field(JsonWriter& json, const RequestField& field) {
  switch (field.kind) {
    case RequestField::Kind::header:
      json.key("header").string(field.names.front());
      break;
    case RequestField::Kind::parameter:
      json.key("parameter").string(field.names.front());
      break;
    case RequestField::Kind::inputs:
      json.key("inputs").array();
      for (const std::string& name : field.names) json.string(name);
      json.end_array();
      break;
    default:
      json.key("request_id").boolean(true);
  }
}

void write_slots(JsonWriter& json, const std::vector<SlotRun>& slots) {
  json.key("slots").array();
  for (const SlotRun& run : slots) {
    json.array().integer(run.owner).integer(run.slots).end_array();
  }
  json.end_array();
}

void write_rules(JsonWriter& json, const RoutePlan& plan) {
  json.key("rules").array();
  for (const RouteRule& rule : plan.rules) {
    json.object();
    write_field(json, rule.field);
    json.key("in").array();
    for (const std::string& value : rule.values) json.string(value);
    json.end_array().key("shares").object();
    for (std::size_t i = 0; i < plan.arms.size(); ++i) {
      json.key(plan.arms[i].name).number(fraction(rule.shares[i]));
    }
    json.end_object();
    write_slots(json, rule.slots);
    json.end_object();
  }
  json.end_array();
}

void write_guard(JsonWriter& json, const GuardPlan& guard) {
  json.key("guard").object().key("arm").string(guard.arm).key("alpha").number(guard.alpha);
  json.key("margin").number(guard.margin).key("warm_up").integer(guard.warm_up);
  json.key("failures_in_a_row").integer(guard.failures_in_a_row);
  json.key("automatic").boolean(guard.automatic);
  json.key("latency_tolerance").number(guard.latency_tolerance);
  json.key("latency_slack_us").integer(guard.latency_slack_us).end_object();
}

void write_guard_state(JsonWriter& json, const GuardStatus& guard) {
  const auto count = [&](std::string_view key, std::uint64_t value) {
    json.key(key).integer(static_cast<std::int64_t>(value));
  };
  json.key("guard").object().key("verdict").string(guard_verdict_name(guard.verdict));
  json.key("reason").string(guard.reason).key("log_e").number(guard.log_e);
  json.key("log_e_enough").number(std::log(1 / guard.plan.alpha));
  count("arm_answers", guard.arm_answers);
  count("stable_answers", guard.stable_answers);
  json.key("metrics").array();
  for (const GuardMetricStatus& metric : guard.metrics) {
    json.object().key("name").string(metric.name).key("log_e").number(metric.log_e);
    json.key("log_e_no_worse").number(metric.log_e_no_worse);
    count("events", metric.events);
    count("arm_events", metric.arm_events);
    count("threshold_us", metric.threshold_ns / 1000);
    json.end_object();
  }
  json.end_array().end_object();
}

// The members of the object that is open.
void write_plan(JsonWriter& json, const RoutePlan& plan) {
  json.key("stable").integer(plan.stable).key("salt").string(plan.salt);
  if (plan.unit.kind != RequestField::Kind::none) {
    json.key("unit").object();
    write_field(json, plan.unit);
    json.end_object();
  }
  if (plan.override_.kind != RequestField::Kind::none) {
    json.key("override").object();
    write_field(json, plan.override_);
    json.end_object();
  }
  json.key("arms").array();
  for (const RouteArm& arm : plan.arms) {
    json.object().key("name").string(arm.name).key("version").integer(arm.version);
    json.key("share").number(fraction(arm.share)).end_object();
  }
  json.end_array();
  write_rules(json, plan);
  json.key("shadows").array();
  for (const RouteShadow& shadow : plan.shadows) {
    json.object().key("version").integer(shadow.version);
    json.key("sample").number(fraction(shadow.sample)).end_object();
  }
  json.end_array();
  if (plan.guard) write_guard(json, *plan.guard);
  if (plan.rolled_back) {
    json.key("rolled_back").object().key("arm").string(plan.rolled_back->arm);
    json.key("version").integer(plan.rolled_back->version);
    json.key("reason").string(plan.rolled_back->reason);
    json.key("unix_ms").integer(plan.rolled_back->unix_ms).end_object();
  }
  write_slots(json, plan.slots);
}

void write_state(JsonWriter& json, const RouteStatus& status) {
  json.key("state").object().key("arms").array();
  for (const ArmStatus& arm : status.arms) {
    json.object().key("name").string(arm.name).key("version").integer(arm.version);
    json.key("share").number(fraction(arm.share)).key("ready").boolean(arm.ready);
    json.key("success").integer(static_cast<std::int64_t>(arm.success));
    json.key("failure").integer(static_cast<std::int64_t>(arm.failure));
    json.key("fell_back").integer(static_cast<std::int64_t>(arm.fell_back)).end_object();
  }
  json.end_array();
  if (status.guard) write_guard_state(json, *status.guard);
  if (!status.shadows.empty()) write_shadows_state(json, status.shadows);
  json.end_object();
}

}  // namespace

Result<RoutePlan> parse_route(std::string_view body) {
  if (!is_utf8(body)) return Status::invalid_argument("the request JSON is not UTF-8");
  JsonCursor json(body, kSettingsDepthMax);
  RoutePlan plan;
  if (Status s = read_route(json, plan); !s.ok()) return s;
  json.finish();
  if (!json.ok()) return json.status();
  if (Status s = plan.validate(); !s.ok()) return s;
  return plan;
}

std::string route_json(const RouteStatus& status) {
  JsonWriter json;
  json.object().key("model").string(status.model);
  write_plan(json, status.plan);
  write_state(json, status);
  json.end_object();
  return json.take();
}

Result<std::map<std::string, RoutePlan>> parse_routes(std::string_view text) {
  if (!is_utf8(text)) return Status::invalid_argument("the JSON is not UTF-8");
  JsonCursor json(text, kSettingsDepthMax);
  std::map<std::string, RoutePlan> routes;
  if (Status s = expect_json(json, "routes", JsonKind::object); !s.ok()) return s;
  std::string_view key;
  for (json.enter_object(); json.next_key(key);) {
    const auto [entry, is_new] = routes.emplace(std::string(key), RoutePlan());
    if (!is_new) return Status::invalid_argument("two routes of model '" + entry->first + "'");
    if (Status s = read_route(json, entry->second); !s.ok()) return s;
    if (Status s = entry->second.validate(); !s.ok()) return s;
  }
  json.finish();
  if (!json.ok()) return json.status();
  return routes;
}

std::string routes_json(const std::map<std::string, RoutePlan>& routes) {
  JsonWriter json;
  json.object();
  for (const auto& [model, plan] : routes) {
    json.key(model).object();
    write_plan(json, plan);
    json.end_object();
  }
  json.end_object();
  return json.take() + "\n";
}

std::string explain_route_json(const RouteStatus& status, std::string_view unit) {
  const auto table = RouteTable::make(status.plan, nullptr);  // as it is: a plan in force has slots
  JsonWriter json;
  json.object().key("unit").string(unit);
  if (table.ok()) {
    const RouteChoice choice = (*table)->choose_for(unit);
    const RouteTable::Arm& arm = (*table)->arms()[choice.arm];
    json.key("slot").integer(SlotLayout::slot_of(choice.point));
    json.key("arm").string(arm.name).key("version").integer(arm.version);
    json.key("share").number(fraction(arm.share));
  }
  json.end_object();
  return json.take();
}

}  // namespace mlops
