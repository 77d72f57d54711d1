#include "protocol/metadata_json.h"

namespace mlops {

std::string server_metadata_json(const ServerFacts&) { return "{}"; }
std::string model_metadata_json(const ModelInfo&) { return "{}"; }
std::string model_config_json(const ModelInfo&) { return "{}"; }
std::string repository_index_json(std::span<const ModelInfo>) { return "[]"; }

}  // namespace mlops
