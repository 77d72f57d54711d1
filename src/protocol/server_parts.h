#pragma once
// What the endpoints of both doors act on, besides the bytes of their request. Fixed at start,
// outlives every connection; any thread. A null part is one that the server was started without.

#include "engine/engine.h"
#include "engine/repository_control.h"
#include "protocol/log_settings.h"
#include "protocol/route_control.h"
#include "protocol/server_facts.h"
#include "protocol/shared_memory.h"
#include "protocol/trace_record.h"
#include "protocol/trace_settings.h"

namespace mlops {

struct ServerParts {
  Engine& engine;
  const ServerFacts& facts;
  RepositoryControl* repository = nullptr;
  SharedMemory* shared_memory = nullptr;  // regions of clients, where they are allowed
  TraceControl* trace = nullptr;
  TraceSink* traces = nullptr;
  LogControl* log = nullptr;
  RouteControl* routes = nullptr;
};

}  // namespace mlops
