#pragma once
// The second half of --check: what the repositories hold, loaded and tried as at start, and where
// each setting of each model comes from.

#include <string>
#include <vector>

#include "base/log.h"
#include "config.h"

namespace mlops {

struct ModelsCheck {
  std::string text;  // one line a fact
  bool ok = true;    // every model loads
};

// Loads every model and lets it go again: takes as long as a start does.
ModelsCheck check_models(const ServerConfig& config, const std::vector<std::string>& ort_candidates,
                         LogSink& log);

// How the repositories are to be served.
RepositoryOptions repository_options(const ServerConfig& config);

}  // namespace mlops
