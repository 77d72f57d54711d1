#include "protocol/server_facts.h"

namespace mlops {

std::vector<std::string> ServerFacts::supported_extensions() {
  return {"binary_tensor_data", "model_configuration",
          "model_repository",   "model_repository(unload_dependents)",
          "parameters",         "statistics"};
}

}  // namespace mlops
