#include "engine/pipeline.h"

#include <algorithm>

#include "base/deadline.h"

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

// validate -> route. A request without a version gets the labelled one that it asks for, else the
// default; a route table will choose here.
Result<ModelCatalog::Entry> Pipeline::choose(Request& request, From from) const {
  if (from == From::outside && draining())
    return Status::unavailable("the server is shutting down");
  if (Status s = check_form(request, limits_); !s.ok()) return s;
  const std::string* label = wanted_label(request);
  Result<ModelCatalog::Entry> model = label ? catalog_.find_label(request.model, *label)
                                            : catalog_.find(request.model, request.version);
  if (request.timeout_us > 0 && model.ok() && !(*model)->has_queue_policy()) {
    request.deadline = std::min(request.deadline, after_us(clock_.now(), request.timeout_us));
  }
  return model;
}

// A version that winds down between look-up and hand-over takes nothing; its successor, if there is
// one, is then in the catalog. Finding the same version again means that there is none.
Response Pipeline::infer(Request&& request) {
  Response response;
  ModelCatalog::Entry refused_by;
  for (;;) {
    Result<ModelCatalog::Entry> model = choose(request, From::outside);
    if (!model.ok() || *model == refused_by) {
      response = Response::failure(request, model.ok() ? winding_down() : model.status());
      return response;
    }
    if ((*model)->infer(request, clock_.now(), response)) return response;
    refused_by = *std::move(model);
  }
}

void Pipeline::submit(PendingRef pending, From from) {
  ModelCatalog::Entry refused_by;
  for (;;) {
    Result<ModelCatalog::Entry> model = choose(pending->request, from);
    Status why = model.status();
    if (why.ok() && *model == refused_by) why = winding_down();
    if (!why.ok()) {
      pending->fail(std::move(why));
      return;
    }
    if ((*model)->submit(pending, clock_.now())) return;
    refused_by = *std::move(model);
  }
}

// Requests of one turn that go to one version are handed over together: they are a batch.
void Pipeline::submit_turn(std::span<PendingRef> turn, From from) {
  if (turn.empty()) return;
  const TimePoint now = clock_.now();
  struct Chosen {
    ModelCatalog::Entry model;
    PendingRef pending;
  };
  std::vector<Chosen> chosen;
  chosen.reserve(turn.size());
  for (PendingRef& pending : turn) {
    Result<ModelCatalog::Entry> model = choose(pending->request, from);
    if (model.ok()) {
      chosen.push_back({*std::move(model), std::move(pending)});
    } else {
      pending->fail(model.status());
    }
  }
  std::ranges::stable_sort(chosen, std::less<>(), [](const Chosen& c) { return c.model.get(); });
  std::vector<PendingRef> group;
  for (std::size_t i = 0; i < chosen.size();) {
    const ModelCatalog::Entry& model = chosen[i].model;
    group.clear();
    for (; i < chosen.size() && chosen[i].model == model; ++i) {
      group.push_back(std::move(chosen[i].pending));
    }
    if (model->submit_turn(group, now)) continue;
    for (PendingRef& pending : group) {
      if (pending) submit(std::move(pending), from);
    }
  }
}

}  // namespace mlops
