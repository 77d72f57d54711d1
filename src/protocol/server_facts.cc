#include "protocol/server_facts.h"

namespace mlops {

std::vector<std::string> ServerFacts::supported_extensions() {
  return {"classification",
          "sequence",
          "model_repository",
          "model_repository(unload_dependents)",
          "schedule_policy",
          "model_configuration",
          "system_shared_memory",
          "cuda_shared_memory",
          "binary_tensor_data",
          "parameters",
          "statistics",
          "trace",
          "logging"};
}

}  // namespace mlops
