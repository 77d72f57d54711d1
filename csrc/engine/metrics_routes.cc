// What routes did, by arm. A model without a route has no lines.

#include <cstdio>

#include "engine/metrics_lines.h"

namespace mlops {
namespace {

using prometheus::escaped;
using prometheus::header;
using prometheus::sample;

std::string labels_of(const RouteStatus& route, const ArmStatus& arm) {
  return "model=\"" + escaped(route.model) + "\",arm=\"" + escaped(arm.name) + "\",version=\"" +
         std::to_string(arm.version) + "\"";
}

std::string fraction(std::uint16_t slots) {
  char text[16];
  std::snprintf(text, sizeof text, "%g", static_cast<double>(slots) / kRouteSlots);
  return text;
}

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", value);
  return text;
}

// -1: its traffic is or should be taken away; 0: not known yet; 1: it is no worse than stable.
const char* verdict_value(GuardVerdict verdict) {
  const bool bad = verdict == GuardVerdict::worse || verdict == GuardVerdict::stopped;
  return bad ? "-1" : verdict == GuardVerdict::no_worse ? "1" : "0";
}

void guard_metrics(std::string& page, const EngineStats& stats) {
  const auto each = [&](const char* name, const char* help, auto line) {
    header(page, name, help, "gauge");
    for (const RouteStatus& route : stats.routes) {
      if (!route.guard) continue;
      const std::string labels =
          "model=\"" + escaped(route.model) + "\",arm=\"" + escaped(route.guard->plan.arm) + "\"";
      line(name, labels, *route.guard);
    }
  };
  using Labels = const std::string&;
  each("mlops_rollout_verdict", "Whether a guarded arm is no worse than stable (1) or worse (-1)",
       [&](const char* name, Labels labels, const GuardStatus& guard) {
         sample(page, name, labels, verdict_value(guard.verdict));
       });
  each("mlops_rollout_log_evalue", "Log of the evidence that a guarded arm is worse, by metric",
       [&](const char* name, Labels labels, const GuardStatus& guard) {
         sample(page, name, labels + ",metric=\"all\"", number(guard.log_e));
         for (const GuardMetricStatus& metric : guard.metrics) {
           sample(page, name, labels + ",metric=\"" + std::string(metric.name) + "\"",
                  number(metric.log_e));
         }
       });
}

void shadow_metrics(std::string& page, const EngineStats& stats) {
  const auto each = [&](const char* name, const char* help, auto line) {
    header(page, name, help, "counter");
    for (const RouteStatus& route : stats.routes) {
      for (const ShadowStatus& shadow : route.shadows) {
        line(name,
             "model=\"" + escaped(route.model) + "\",version=\"" + std::to_string(shadow.version) +
                 "\"",
             shadow);
      }
    }
  };
  using Labels = const std::string&;
  each("mlops_shadow_requests_total", "Requests that a shadow was to see, by what became of them",
       [&](const char* name, Labels labels, const ShadowStatus& shadow) {
         const auto outcome = [&](const char* what, std::uint64_t count) {
           sample(page, name, labels + ",outcome=\"" + what + "\"", std::to_string(count));
         };
         outcome("compared", shadow.compared);
         outcome("failed", shadow.failed);
         outcome("dropped_busy", shadow.dropped_busy);
         outcome("dropped_full", shadow.dropped_full);
       });
  each("mlops_shadow_answers_total", "Answers compared, by output and whether they were equal",
       [&](const char* name, Labels labels, const ShadowStatus& shadow) {
         for (const auto& [output, sum] : shadow.outputs) {
           const std::string more = labels + ",output=\"" + escaped(output) + "\",equal=";
           sample(page, name, more + "\"true\"", std::to_string(sum.equal));
           sample(page, name, more + "\"false\"", std::to_string(sum.answers - sum.equal));
         }
       });
}

}  // namespace

void route_metrics(std::string& page, const EngineStats& stats) {
  const auto each = [&](const char* name, const char* help, const char* type, auto line) {
    header(page, name, help, type);
    for (const RouteStatus& route : stats.routes) {
      for (const ArmStatus& arm : route.arms) line(name, labels_of(route, arm), arm);
    }
  };
  using Labels = const std::string&;
  each("mlops_route_requests_total", "Requests that an arm of a route got, by outcome", "counter",
       [&](const char* name, Labels labels, const ArmStatus& arm) {
         sample(page, name, labels + ",outcome=\"success\"", std::to_string(arm.success));
         sample(page, name, labels + ",outcome=\"failure\"", std::to_string(arm.failure));
       });
  each("mlops_route_fallbacks_total", "Requests of an arm whose version was not there", "counter",
       [&](const char* name, Labels labels, const ArmStatus& arm) {
         sample(page, name, labels, std::to_string(arm.fell_back));
       });
  each("mlops_route_share", "Share of the traffic that an arm is to have", "gauge",
       [&](const char* name, Labels labels, const ArmStatus& arm) {
         sample(page, name, labels, fraction(arm.share));
       });
  each("mlops_route_arm_ready", "Whether the arm's version is loaded", "gauge",
       [&](const char* name, Labels labels, const ArmStatus& arm) {
         sample(page, name, labels, arm.ready ? "1" : "0");
       });
  guard_metrics(page, stats);
  shadow_metrics(page, stats);
}

}  // namespace mlops
