// Routes as operators and files of former lives write them: what is understood means the same when
// it is written and read again, and makes a table or a text why not.

#include <cstdlib>
#include <string_view>

#include "protocol/route_json.h"
#include "route/route_table.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace mlops;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const Result<RoutePlan> plan = parse_route(text);
  if (!plan.ok() && plan.status().message().empty()) std::abort();
  if (plan.ok()) {
    const Result<RoutePlan> again = parse_route(route_json({"m", *plan, {}}));
    if (!again.ok() || *again != *plan) std::abort();
    const auto table = RouteTable::make(*plan, nullptr);
    if (table.ok() && (*table)->plan().slots.empty()) std::abort();
    if (!table.ok() && table.status().message().empty()) std::abort();
  }
  const auto routes = parse_routes(text);
  if (routes.ok() && *parse_routes(routes_json(*routes)) != *routes) std::abort();
  return 0;
}
