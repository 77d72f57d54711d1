#include "model/ensemble_plan.h"

#include <algorithm>
#include <map>
#include <optional>

namespace mlops {
namespace {

constexpr std::size_t kStepsMax = 256;
constexpr std::size_t kNobody = static_cast<std::size_t>(-1);

Status wrong_ensemble(const std::string& what) { return Status::invalid_argument(what); }

bool dims_meet(const TensorSpec& a, const TensorSpec& b) {
  if (!a.rank_known || !b.rank_known) return true;
  return std::ranges::equal(a.dims, b.dims, [](std::int64_t x, std::int64_t y) {
    return x == y || x == kAnySize || y == kAnySize;
  });
}

std::string shown(const TensorSpec& spec) {
  return std::string(config_type_name(spec.dtype)) + " " + dims_to_string(spec.dims);
}

class Planner {
 public:
  Planner(const ModelConfig& config, const MemberSignature& member)
      : config_(config), member_(member) {}

  Result<EnsemblePlan> plan() {
    if (config_.ensemble->size() > kStepsMax) {
      return wrong_ensemble("more than " + std::to_string(kStepsMax) + " steps");
    }
    if (config_.inputs.empty() || config_.outputs.empty()) {
      return wrong_ensemble("an ensemble says its input and output");
    }
    for (const TensorConfig& input : config_.inputs) {
      tensor(input.name).given_by = "the request";
    }
    for (std::size_t i = 0; i < config_.ensemble->size(); ++i) {
      if (Status s = add_step((*config_.ensemble)[i], i); !s.ok()) return s;
    }
    if (Status s = check_tensors(); !s.ok()) return s;
    if (Status s = order_steps(); !s.ok()) return s;
    if (Status s = add_signature("input", config_.inputs, plan_.inputs, plan_.signature.inputs);
        !s.ok()) {
      return s;
    }
    if (Status s = add_signature("output", config_.outputs, plan_.outputs, plan_.signature.outputs);
        !s.ok()) {
      return s;
    }
    return std::move(plan_);
  }

 private:
  struct Known {
    std::string given_by;  // empty: nobody
    std::size_t giver = kNobody;
    bool taken = false;
    std::optional<TensorSpec> spec;  // what the first model that has it says
  };

  Known& tensor(const std::string& name) { return known_[index_of(name)]; }

  std::size_t index_of(const std::string& name) {
    const auto [entry, fresh] = indices_.try_emplace(name, plan_.tensors.size());
    if (fresh) {
      plan_.tensors.push_back(name);
      known_.emplace_back();
    }
    return entry->second;
  }

  // All that have a tensor must mean the same by it.
  Status meet(const std::string& name, const TensorSpec& spec, const std::string& who) {
    Known& known = tensor(name);
    if (!known.spec) {
      known.spec = spec;
      return {};
    }
    if (known.spec->dtype == spec.dtype && dims_meet(*known.spec, spec)) return {};
    return wrong_ensemble("tensor '" + name + "' is " + shown(*known.spec) + " and, for " + who +
                          ", " + shown(spec));
  }

  Status add_step(const EnsembleStep& from, std::size_t index) {
    const std::string who = "step " + std::to_string(index + 1) + " ('" + from.model + "')";
    const Result<Signature> signature = member_(from.model, from.version);
    if (!signature.ok()) {
      return Status(signature.status().code(), who + ": " + signature.status().message());
    }
    EnsemblePlan::Step step;
    step.model = from.model;
    step.version = from.version;
    for (const TensorSpec& input : signature->inputs) {
      const auto mapped = from.input_map.find(input.name);
      if (mapped == from.input_map.end()) {
        return wrong_ensemble(who + ": input_map has nothing for the model's input '" + input.name +
                              "'");
      }
      if (Status s = meet(mapped->second, input, who); !s.ok()) return s;
      tensor(mapped->second).taken = true;
      step.inputs.push_back({input.name, index_of(mapped->second)});
    }
    for (const auto& [name, mapped] : from.input_map) {
      if (!signature->input_index(name)) {
        return wrong_ensemble(who + ": the model has no input '" + name + "'");
      }
    }
    for (const auto& [name, mapped] : from.output_map) {
      const auto output = signature->output_index(name);
      if (!output) return wrong_ensemble(who + ": the model has no output '" + name + "'");
      if (Status s = meet(mapped, signature->outputs[*output], who); !s.ok()) return s;
      Known& known = tensor(mapped);
      if (!known.given_by.empty()) {
        return wrong_ensemble("tensor '" + mapped + "' is given by " + known.given_by + " and by " +
                              who);
      }
      known.given_by = who;
      known.giver = index;
      step.outputs.push_back({name, index_of(mapped)});
    }
    if (step.outputs.empty()) return wrong_ensemble(who + ": output_map is empty");
    plan_.steps.push_back(std::move(step));
    return {};
  }

  Status check_tensors() {
    for (const TensorConfig& output : config_.outputs) tensor(output.name).taken = true;
    for (std::size_t i = 0; i < known_.size(); ++i) {
      if (known_[i].given_by.empty()) {
        return wrong_ensemble("tensor '" + plan_.tensors[i] + "' is taken, and nobody gives it");
      }
      if (!known_[i].taken && known_[i].giver == kNobody) {
        return wrong_ensemble("input '" + plan_.tensors[i] + "' is taken by no step");
      }
    }
    return {};
  }

  // A step comes when everything that it takes has come.
  Status order_steps() {
    std::vector<EnsemblePlan::Step> ordered;
    std::vector<bool> placed(plan_.steps.size());
    while (ordered.size() < plan_.steps.size()) {
      const std::size_t before = ordered.size();
      for (std::size_t i = 0; i < plan_.steps.size(); ++i) {
        if (placed[i] || !std::ranges::all_of(plan_.steps[i].inputs, [&](const auto& binding) {
              const std::size_t giver = known_[binding.tensor].giver;
              return giver == kNobody || placed[giver];
            })) {
          continue;
        }
        placed[i] = true;
        ordered.push_back(plan_.steps[i]);
      }
      if (ordered.size() == before) {
        const auto stuck = std::ranges::find(placed, false) - placed.begin();
        return wrong_ensemble("the steps go in a circle through '" +
                              plan_.steps[static_cast<std::size_t>(stuck)].model + "'");
      }
    }
    plan_.steps = std::move(ordered);
    return {};
  }

  Status add_signature(const char* kind, const std::vector<TensorConfig>& tensors,
                       std::vector<std::size_t>& indices, std::vector<TensorSpec>& specs) {
    const bool batched = config_.max_batch_size.value_or(0) > 0;
    for (const TensorConfig& config : tensors) {
      const std::size_t index = index_of(config.name);
      const TensorSpec& inner = *known_[index].spec;  // taken or given by a step: it has one
      TensorSpec spec{config.name, config.dtype.value_or(inner.dtype), {}, {}, true};
      if (batched) spec.dims.push_back(kAnySize);
      spec.dims.insert(spec.dims.end(), config.dims.begin(), config.dims.end());
      if (config.dims.empty()) spec.dims = inner.dims;
      spec.symbols.resize(spec.dims.size());
      if (config.reshape) return wrong_ensemble("an ensemble's tensors cannot be reshaped");
      if (spec.dtype != inner.dtype || !dims_meet(spec, inner)) {
        return wrong_ensemble(std::string(kind) + " '" + config.name + "' is " + shown(spec) +
                              " for clients" + (batched ? " (the batch axis first)" : "") +
                              " and " + shown(inner) + " for the steps");
      }
      indices.push_back(index);
      specs.push_back(std::move(spec));
    }
    return {};
  }

  const ModelConfig& config_;
  const MemberSignature& member_;
  EnsemblePlan plan_;
  std::map<std::string, std::size_t> indices_;
  std::vector<Known> known_;  // by index
};

}  // namespace

Result<EnsemblePlan> plan_ensemble(const ModelConfig& config, const MemberSignature& member) {
  return Planner(config, member).plan();
}

}  // namespace mlops
