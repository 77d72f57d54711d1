#pragma once
// What the response cache holds and what it did for each version, as JSON. A pure function.

#include <string>

#include "engine/stats.h"

namespace mlops {

// Without a cache there are none of its figures, and no version is listed.
std::string cache_json(const EngineStats& stats);

}  // namespace mlops
