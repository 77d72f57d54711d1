#pragma once
// An ensemble's configuration beside the models that it names: who waits for whom, and which tensor
// goes where. Pure; made once when the ensemble is loaded.

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "base/status.h"
#include "model/model_config.h"
#include "tensor/signature.h"

namespace mlops {

struct EnsemblePlan {
  struct Binding {
    std::string name;        // as the model calls it
    std::size_t tensor = 0;  // index into `tensors`
  };
  struct Step {
    std::string model;
    std::int64_t version = -1;
    std::vector<Binding> inputs;
    std::vector<Binding> outputs;
  };

  std::vector<std::string> tensors;  // the ensemble's names
  std::vector<Step> steps;           // each after those whose outputs it takes
  std::vector<std::size_t> inputs;   // by the signature's order: index into `tensors`
  std::vector<std::size_t> outputs;  // likewise
  Signature signature;               // as clients see it, batch axis included
};

// What is known of a model that a step names; an error when it does not serve.
using MemberSignature =
    std::function<Result<Signature>(const std::string& model, std::int64_t version)>;

// Fails with invalid_argument that names the step and tensor: unknown members, inputs that nobody
// gives or gives twice, circles, types and shapes that do not fit, inputs that nobody takes.
Result<EnsemblePlan> plan_ensemble(const ModelConfig& config, const MemberSignature& member);

}  // namespace mlops
