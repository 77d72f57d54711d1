#include "access/call_rules.h"

namespace mlops {
namespace {

constexpr RoleSet kAnyone{Role::predict, Role::observe, Role::admin};
constexpr RoleSet kObserver{Role::observe, Role::admin};
constexpr RoleSet kAdmin{Role::admin};

// Clients that predict ask what a model takes; what others do with it is for observers.
constexpr std::array<CallRule, kServerCallCount> kRules = {{
    {"health", kAnyone, false},
    {"metrics", kObserver, false},
    {"server_metadata", kAnyone, false},
    {"model_metadata", kAnyone, false},
    {"model_config", kAnyone, false},
    {"statistics", kObserver, false},
    {"infer", RoleSet{Role::predict}, false},
    {"repository_index", kObserver, false},
    {"repository_load", kAdmin, true},
    {"repository_unload", kAdmin, true},
    {"shared_memory_status", kObserver, false},
    {"shared_memory_register", kAdmin, true},
    {"shared_memory_unregister", kAdmin, true},
    {"trace_read", kObserver, false},
    {"trace_change", kAdmin, true},
    {"log_read", kObserver, false},
    {"log_change", kAdmin, true},
    {"drift_read", kObserver, false},
    {"drift_change", kAdmin, true},
    {"cache_change", kAdmin, true},
    {"feedback", RoleSet{Role::predict}, false},
    {"route_read", kObserver, false},
    {"route_change", kAdmin, true},
}};

constexpr bool all_named() {
  for (const CallRule& rule : kRules) {
    if (rule.name.empty() || rule.roles.empty()) return false;
  }
  return true;
}
static_assert(all_named() &&
                  static_cast<std::size_t>(ServerCall::route_change) + 1 == kRules.size(),
              "a call without a rule");

}  // namespace

const CallRule& rule_of(ServerCall call) { return kRules[static_cast<std::size_t>(call)]; }

bool serves(Surface surface, ServerCall call) {
  if (surface == Surface::no_administration) return !rule_of(call).administrative;
  return surface == Surface::everything || call != ServerCall::infer;
}

}  // namespace mlops
