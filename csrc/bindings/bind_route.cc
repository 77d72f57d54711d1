// Engine._route, _set_route, _clear_route, _explain_route: routes as the dictionaries that
// mlops_engine.routing and the server's admin API use.

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cmath>

#include "bindings/describe.h"
#include "bindings/with_engine.h"
#include "route/route_table.h"

namespace mlops::python {
namespace {

namespace py = pybind11;

constexpr std::array<const char*, 5> kKinds = {"", "header", "parameter", "request_id", "inputs"};

// (kind, names), as routing.py spells them.
using FieldSpec = std::pair<std::string, std::vector<std::string>>;
using SlotSpec = std::vector<std::pair<std::uint16_t, std::uint16_t>>;
using RuleSpec =
    std::tuple<FieldSpec, std::vector<std::string>, std::vector<std::uint16_t>, SlotSpec>;
// (arm, alpha, margin, warm_up, failures_in_a_row, automatic, latency_tolerance, latency_slack_us)
using GuardSpec = std::tuple<std::string, double, double, std::uint32_t, std::uint32_t, bool,
                             double, std::uint32_t>;
// (stable, salt, unit, override, arms, rules, shadows, slots, guard); shares are hundredths of a
// per cent.
using PlanSpec =
    std::tuple<std::int64_t, std::string, FieldSpec, FieldSpec,
               std::vector<std::tuple<std::string, std::int64_t, std::uint16_t>>,
               std::vector<RuleSpec>, std::vector<std::pair<std::int64_t, std::uint16_t>>, SlotSpec,
               std::optional<GuardSpec>>;

RequestField field_of(const FieldSpec& spec) {
  for (std::size_t i = 0; i < kKinds.size(); ++i) {
    if (spec.first == kKinds[i]) return {static_cast<RequestField::Kind>(i), spec.second};
  }
  throw_unless_ok(Status::invalid_argument("route: '" + spec.first + "' is no part of a request"));
  return {};
}

std::vector<SlotRun> slots_of(const SlotSpec& spec) {
  std::vector<SlotRun> slots;
  for (const auto& [owner, count] : spec) {
    const bool known = owner < kArmsMax;
    throw_unless_ok(known ? Status() : Status::invalid_argument("route: slots of no arm"));
    slots.push_back({static_cast<ArmIndex>(owner), count});
  }
  return slots;
}

RoutePlan plan_of(const PlanSpec& spec) {
  const auto& [stable, salt, unit, override_, arms, rules, shadows, slots, guard] = spec;
  RoutePlan plan;
  plan.stable = stable;
  plan.salt = salt;
  plan.unit = field_of(unit);
  plan.override_ = field_of(override_);
  for (const auto& [name, version, share] : arms) plan.arms.push_back({name, version, share});
  for (const auto& [field, values, shares, rule_slots] : rules) {
    plan.rules.push_back({field_of(field), values, shares, slots_of(rule_slots)});
  }
  for (const auto& [version, sample] : shadows) plan.shadows.push_back({version, sample});
  plan.slots = slots_of(slots);
  if (guard) {
    const auto& [arm, alpha, margin, warm_up, in_a_row, automatic, tolerance, slack_us] = *guard;
    plan.guard = GuardPlan{arm, alpha, margin, warm_up, in_a_row, automatic, tolerance, slack_us};
  }
  return plan;
}

double fraction(std::uint16_t slots) { return static_cast<double>(slots) / kRouteSlots; }

void put_field(py::dict& into, const RequestField& field) {
  const char* const kind = kKinds[static_cast<std::size_t>(field.kind)];
  switch (field.kind) {
    case RequestField::Kind::inputs:
      into[kind] = field.names;
      break;
    case RequestField::Kind::header:
    case RequestField::Kind::parameter:
      into[kind] = field.names.front();
      break;
    default:
      into["request_id"] = true;
  }
}

py::list runs_of(const std::vector<SlotRun>& slots) {
  py::list runs;
  for (const SlotRun& run : slots) {
    py::list pair;
    pair.append(int{run.owner});
    pair.append(run.slots);
    runs.append(pair);
  }
  return runs;
}

py::list rules_of(const RoutePlan& plan) {
  py::list rules;
  for (const RouteRule& rule : plan.rules) {
    py::dict made;
    put_field(made, rule.field);
    made["in"] = rule.values;
    py::dict shares;
    for (std::size_t i = 0; i < plan.arms.size(); ++i) {
      shares[py::str(plan.arms[i].name)] = fraction(rule.shares[i]);
    }
    made["shares"] = shares;
    made["slots"] = runs_of(rule.slots);
    rules.append(made);
  }
  return rules;
}

py::dict guard_state(const GuardStatus& guard) {
  py::list metrics;
  for (const GuardMetricStatus& metric : guard.metrics) {
    metrics.append(
        py::dict(py::arg("name") = std::string(metric.name), py::arg("log_e") = metric.log_e,
                 py::arg("log_e_no_worse") = metric.log_e_no_worse,
                 py::arg("events") = metric.events, py::arg("arm_events") = metric.arm_events,
                 py::arg("threshold_us") = metric.threshold_ns / 1000));
  }
  return py::dict(py::arg("verdict") = std::string(guard_verdict_name(guard.verdict)),
                  py::arg("reason") = guard.reason, py::arg("log_e") = guard.log_e,
                  py::arg("log_e_enough") = std::log(1 / guard.plan.alpha),
                  py::arg("arm_answers") = guard.arm_answers,
                  py::arg("stable_answers") = guard.stable_answers, py::arg("metrics") = metrics);
}

py::dict state_of(const RouteStatus& status) {
  py::list arms;
  for (const ArmStatus& arm : status.arms) {
    arms.append(py::dict(py::arg("name") = arm.name, py::arg("version") = arm.version,
                         py::arg("share") = fraction(arm.share), py::arg("ready") = arm.ready,
                         py::arg("success") = arm.success, py::arg("failure") = arm.failure,
                         py::arg("fell_back") = arm.fell_back));
  }
  py::dict state(py::arg("arms") = arms);
  if (status.guard) state["guard"] = guard_state(*status.guard);
  if (!status.shadows.empty()) {
    py::list shadows;
    for (const ShadowStatus& shadow : status.shadows) shadows.append(python::describe(shadow));
    state["shadows"] = shadows;
  }
  return state;
}

py::dict describe(const RouteStatus& status) {
  const RoutePlan& plan = status.plan;
  py::dict out(py::arg("model") = status.model, py::arg("stable") = plan.stable,
               py::arg("salt") = plan.salt);
  if (plan.unit.kind != RequestField::Kind::none) {
    py::dict field;
    put_field(field, plan.unit);
    out["unit"] = field;
  }
  if (plan.override_.kind != RequestField::Kind::none) {
    py::dict field;
    put_field(field, plan.override_);
    out["override"] = field;
  }
  py::list arms;
  for (const RouteArm& arm : plan.arms) {
    arms.append(py::dict(py::arg("name") = arm.name, py::arg("version") = arm.version,
                         py::arg("share") = fraction(arm.share)));
  }
  out["arms"] = arms;
  out["rules"] = rules_of(plan);
  py::list shadows;
  for (const RouteShadow& shadow : plan.shadows) {
    shadows.append(
        py::dict(py::arg("version") = shadow.version, py::arg("sample") = fraction(shadow.sample)));
  }
  out["shadows"] = shadows;
  if (plan.guard) {
    out["guard"] =
        py::dict(py::arg("arm") = plan.guard->arm, py::arg("alpha") = plan.guard->alpha,
                 py::arg("margin") = plan.guard->margin, py::arg("warm_up") = plan.guard->warm_up,
                 py::arg("failures_in_a_row") = plan.guard->failures_in_a_row,
                 py::arg("automatic") = plan.guard->automatic,
                 py::arg("latency_tolerance") = plan.guard->latency_tolerance,
                 py::arg("latency_slack_us") = plan.guard->latency_slack_us);
  }
  out["slots"] = runs_of(plan.slots);
  out["state"] = state_of(status);
  return out;
}

py::dict route(EngineHandle& self, const std::string& model) {
  const auto status = with_engine(self, [&](const auto& e) { return e->route(model); });
  throw_unless_ok(status.status());
  return describe(*status);
}

py::dict set_route(EngineHandle& self, const std::string& model, const PlanSpec& spec) {
  RoutePlan plan = plan_of(spec);
  const auto status =
      with_engine(self, [&](const auto& e) { return e->set_route(model, std::move(plan)); });
  throw_unless_ok(status.status());
  return describe(*status);
}

py::dict explain_route(EngineHandle& self, const std::string& model, const std::string& unit) {
  const auto status = with_engine(self, [&](const auto& e) { return e->route(model); });
  throw_unless_ok(status.status());
  const auto table = RouteTable::make(status->plan, nullptr);
  throw_unless_ok(table.status());
  const RouteChoice choice = (*table)->choose_for(unit);
  const RouteTable::Arm& arm = (*table)->arms()[choice.arm];
  return py::dict(py::arg("unit") = unit, py::arg("slot") = SlotLayout::slot_of(choice.point),
                  py::arg("arm") = arm.name, py::arg("version") = arm.version,
                  py::arg("share") = fraction(arm.share));
}

}  // namespace

void bind_route(py::class_<EngineHandle>& engine) {
  engine.def("_route", &route)
      .def("_set_route", &set_route)
      .def("_explain_route", &explain_route)
      .def("_clear_route", [](EngineHandle& self, const std::string& model) {
        throw_unless_ok(with_engine(self, [&](const auto& e) { return e->clear_route(model); }));
      });
}

}  // namespace mlops::python
