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
}

}  // namespace mlops
