#pragma once
// JSON bodies of the endpoints that describe: server and model metadata, configuration, index.
// Thread-safety: pure functions.

#include <span>
#include <string>

#include "engine/engine.h"
#include "protocol/server_facts.h"

namespace mlops {

std::string server_metadata_json(const ServerFacts& facts);  // GET /v2
std::string model_metadata_json(const ModelInfo& info);      // GET /v2/models/{m}
std::string model_config_json(const ModelInfo& info);        // GET /v2/models/{m}/config

}  // namespace mlops
