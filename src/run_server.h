#pragma once
// The life of the process between its command line and its exit code.

#include "config.h"
#include "reload.h"

namespace mlops {

// Serves until SIGTERM or SIGINT, then finishes what is in flight. Prints one JSON line on standard
// output when it listens ("listening") and one when every model is loaded ("ready").
// SIGHUP reads the settings anew with `reread`.
int run_server(const ServerConfig& config, const Reload::Reader& reread);

// --check: prints what was resolved; fails when the repository is not a folder.
int check_server(const ServerConfig& config);

}  // namespace mlops
