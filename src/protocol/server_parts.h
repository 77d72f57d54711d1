#pragma once
// What the endpoints of both doors act on, besides the bytes of their request. Fixed at start,
// outlives every connection; any thread. A null part is one that the server was started without.

#include "engine/engine.h"
#include "engine/repository_control.h"
#include "protocol/server_facts.h"

namespace mlops {

struct ServerParts {
  Engine& engine;
  const ServerFacts& facts;
  RepositoryControl* repository = nullptr;
};

}  // namespace mlops
