// mlops-route: nanoseconds that a route adds to a request: finding the model's table, hashing the
// unit, reading its slot, deciding on shadows. Minimum of repeats; one thread, and all of them.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "route/route_book.h"

namespace {

using namespace mlops;

constexpr int kRequests = 200'000;
constexpr int kRepeats = 15;

Request request_of(std::size_t i) {
  Request request;
  request.model = "flights";
  request.id = "request-" + std::to_string(i);
  request.headers.push_back({"x-user", "user-" + std::to_string(i * 7919 % 100'003)});
  request.parameters.push_back({"country", std::string(i % 2 == 0 ? "IS" : "FO")});
  return request;
}

RoutePlan plan_of(bool full) {
  RoutePlan plan;
  plan.stable = 1;
  plan.arms = {{"canary", 2, 500}};
  if (!full) return plan;
  plan.unit = {RequestField::Kind::header, {"x-user"}};
  plan.override_ = {RequestField::Kind::header, {"x-arm"}};
  plan.rules = {{{RequestField::Kind::parameter, {"country"}}, {"DK", "IS"}, {1000}, {}}};
  plan.shadows = {{3, 1000}};
  plan.guard = GuardPlan{.arm = "canary"};
  return plan;
}

double ns_each(const RouteBook& book, const std::vector<Request>& requests) {
  std::uint64_t sum = 0;
  const auto began = std::chrono::steady_clock::now();
  for (int i = 0; i < kRequests; ++i) {
    const Request& request = requests[static_cast<std::size_t>(i) % requests.size()];
    const RouteTable* table = book.find(request.model);
    if (!table) continue;
    const RouteChoice choice = table->choose(request, route_draw());
    sum += choice.arm;
    if (!table->plan().shadows.empty()) sum += table->shadows_of(route_draw());
  }
  const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - began;
  return sum == ~std::uint64_t{0} ? 0 : took.count() / kRequests;
}

double least(const RouteBook& book, const std::vector<Request>& requests) {
  double ns = 1e9;
  for (int i = 0; i < kRepeats; ++i) ns = std::min(ns, ns_each(book, requests));
  return ns;
}

void report(const char* what, const RouteBook& book, const std::vector<Request>& requests) {
  std::vector<double> each(std::max(1U, std::thread::hardware_concurrency()));
  const double alone = least(book, requests);
  {
    std::vector<std::jthread> threads;
    for (double& ns : each) threads.emplace_back([&] { ns = least(book, requests); });
  }
  std::printf("%-34s %6.1f ns alone, %6.1f ns with %zu threads\n", what, alone,
              *std::max_element(each.begin(), each.end()), each.size());
}

}  // namespace

int main() {
  std::vector<Request> requests;
  for (std::size_t i = 0; i < 1000; ++i) requests.push_back(request_of(i));
  RouteBook book;
  report("no model has a route", book, requests);
  (void)book.set("other", plan_of(false));
  report("another model has one", book, requests);
  (void)book.set("flights", plan_of(false));
  report("a canary, by request id", book, requests);
  (void)book.set("flights", plan_of(true));
  report("header, override, rule, shadow, guard", book, requests);
  return 0;
}
