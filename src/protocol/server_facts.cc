#include "protocol/server_facts.h"

namespace mlops {

std::vector<std::string> ServerFacts::supported_extensions() {
  return {"binary_tensor_data", "model_configuration", "model_repository", "parameters",
          "statistics"};
}

}  // namespace mlops
