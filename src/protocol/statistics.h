#pragma once
// Triton's statistics extension: per version, what became of the requests and where their time
// went. Counts of compute_input, compute_infer and compute_output are equal by construction:
// perf_analyzer refuses a server that says otherwise. Thread-safety: pure functions.

#include <span>
#include <string>

#include "engine/engine.h"

namespace mlops {

// The versions asked about: all of them for an empty name, all of a model for an empty `version`
// (decimal digits otherwise). Unknown ones are invalid_argument, as Triton has it.
Result<std::vector<ModelStats>> select_statistics(const Engine& engine, const std::string& name,
                                                  std::string_view version);

std::string statistics_json(std::span<const ModelStats> models);   // GET /v2/models/stats
std::string statistics_proto(std::span<const ModelStats> models);  // ModelStatisticsResponse

}  // namespace mlops
