#include "engine/pipeline.h"

#include <algorithm>

#include "base/deadline.h"
#include "base/lent_vector.h"

namespace mlops {
namespace {

constexpr std::string_view kVersionLabel = "version_label";

const std::string* wanted_label(const Request& request) {
  if (request.parameters.empty() || request.version != kAnyVersion) return nullptr;
  for (const Parameter& parameter : request.parameters) {
    if (parameter.name == kVersionLabel) return std::get_if<std::string>(&parameter.value);
  }
  return nullptr;
}

Status winding_down() { return Status::unavailable("the model is being unloaded"); }

}  // namespace

// Who asks for a version or a label gets that; others what the model's route says; without a route,
// the catalog's own choice.
Result<Pipeline::Chosen> Pipeline::find(const Request& request) const {
  const std::string* label = wanted_label(request);
  if (!label && request.version == kAnyVersion) {
    if (const RouteTable* route = routes_.find(request.model)) {
      return choose_by_route(*route, request);
    }
  }
  Result<ModelCatalog::Entry> model = label ? catalog_.find_label(request.model, *label)
                                            : catalog_.find(request.model, request.version);
  if (!model.ok()) return model.status();
  return Chosen{*std::move(model), nullptr, {}};
}

// An arm whose version is not there falls back to stable, and stable to what there is.
Result<Pipeline::Chosen> Pipeline::choose_by_route(const RouteTable& route,
                                                   const Request& request) const {
  const RouteChoice choice = route.choose(request, route_draw());
  if (choice.why == RouteChoice::Why::unknown_override) {
    return Status::invalid_argument("the request asks for an arm that the route of model '" +
                                    request.model + "' does not have");
  }
  const RouteTable::Arm* arm = &route.arms()[choice.arm];
  AnswerMark mark;
  mark.unit = choice.has_unit ? choice.point | 1 : 0;
  mark.by_share = choice.why == RouteChoice::Why::share;
  Result<ModelCatalog::Entry> model = catalog_.find(request.model, arm->version);
  if (!model.ok()) {
    arm->watch->counts()->fell_back.add(1);
    mark.by_share = false;
    const std::int64_t stable = choice.arm == 0 ? kAnyVersion : route.arms().front().version;
    arm = &route.arms().front();
    model = catalog_.find(request.model, stable);
    if (!model.ok()) model = catalog_.find(request.model, kAnyVersion);
    if (!model.ok()) return model.status();
  }
  if (!route.plan().shadows.empty()) mark.shadows = route.shadows_of(route_draw());
  if (arm->watch->is_timed()) mark.began = clock_.now();
  return Chosen{*std::move(model), arm->watch, mark};
}

// A value that the chosen version is guarded from may be another one's to answer. Where that one is
// not there the guard refuses the request. What answers is not the route's arm: it is not measured.
void Pipeline::heed_guard(const Request& request, Chosen& chosen) const {
  const std::optional<std::int64_t> version = chosen.model->elsewhere(request);
  if (!version) return;
  Result<ModelCatalog::Entry> model = catalog_.find(request.model, *version);
  if (!model.ok() || *model == chosen.model) return;
  chosen.model->sent_elsewhere();
  chosen.model = *std::move(model);
  chosen.watch = nullptr;
  chosen.mark = {};
}

// validate -> route.
Result<Pipeline::Chosen> Pipeline::choose(Request& request, From from) const {
  if (from == From::outside && draining())
    return Status::unavailable("the server is shutting down");
  if (Status s = check_form(request, limits_); !s.ok()) return s;
  Result<Chosen> chosen = find(request);
  if (chosen.ok()) heed_guard(request, *chosen);
  if (request.timeout_us > 0 && chosen.ok() && !chosen->model->has_queue_policy()) {
    request.deadline = std::min(request.deadline, after_us(clock_.now(), request.timeout_us));
  }
  return chosen;
}

// A version that winds down between look-up and hand-over takes nothing; its successor, if there is
// one, is then in the catalog. Finding the same version again means that there is none.
Response Pipeline::infer(Request&& request) {
  Response response;
  Request for_shadows;
  ModelCatalog::Entry refused_by;
  for (;;) {
    Result<Chosen> chosen = choose(request, From::outside);
    // The version may take the request for itself.
    if (chosen.ok() && chosen->mark.shadows != 0) for_shadows = request;
    if (!chosen.ok() || chosen->model == refused_by) {
      response = Response::failure(request, chosen.ok() ? winding_down() : chosen.status());
    } else if (!chosen->model->infer(request, clock_.now(), response)) {
      refused_by = std::move(chosen->model);
      continue;
    }
    if (chosen.ok() && chosen->watch) {
      chosen->watch->answered(chosen->mark, for_shadows, response);
    }
    return response;
  }
}

void Pipeline::submit(PendingRef pending, From from) {
  ModelCatalog::Entry refused_by;
  for (;;) {
    Result<Chosen> chosen = choose(pending->request, from);
    Status why = chosen.status();
    if (why.ok()) {
      pending->watch = std::move(chosen->watch);
      pending->mark = chosen->mark;
      if (chosen->model == refused_by) why = winding_down();
    }
    if (!why.ok()) {
      pending->fail(std::move(why));
      return;
    }
    if (chosen->model->submit(pending, clock_.now())) return;
    refused_by = std::move(chosen->model);
  }
}

// Requests of one turn that go to one version are handed over together: they are a batch.
void Pipeline::submit_turn(std::span<PendingRef> turn, From from) {
  if (turn.empty()) return;
  const TimePoint now = clock_.now();
  struct Member {
    ModelCatalog::Entry model;
    PendingRef pending;
  };
  LentVector<Member, struct OfTurn> members;
  members->reserve(turn.size());
  for (PendingRef& pending : turn) {
    Result<Chosen> chosen = choose(pending->request, from);
    if (chosen.ok()) {
      pending->watch = std::move(chosen->watch);
      pending->mark = chosen->mark;
      members->push_back({std::move(chosen->model), std::move(pending)});
    } else {
      pending->fail(chosen.status());
    }
  }
  const auto model_of = [](const Member& member) { return member.model.get(); };
  // Sorting takes memory, and one model is the usual case.
  if (!std::ranges::is_sorted(*members, std::less<>(), model_of)) {
    std::ranges::stable_sort(*members, std::less<>(), model_of);
  }
  LentVector<PendingRef, struct OfModel> group;
  for (std::size_t i = 0; i < members->size();) {
    const ModelCatalog::Entry& model = (*members)[i].model;
    group->clear();
    for (; i < members->size() && (*members)[i].model == model; ++i) {
      group->push_back(std::move((*members)[i].pending));
    }
    if (model->submit_turn(*group, now)) continue;
    for (PendingRef& pending : *group) {
      if (pending) submit(std::move(pending), from);
    }
  }
}

}  // namespace mlops
