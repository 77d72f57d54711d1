#pragma once
// What one version may take at most, and what it is to achieve: defaults of the server, and what a
// configuration's parameters say instead: `max_inflight_requests`, `max_input_bytes`, `slo_p99_us`.
// And its share of the processors, relative to other models'.

#include <cstddef>
#include <cstdint>

#include "base/status.h"
#include "model/model_config.h"

namespace mlops {

// 0: no limit, no objective.
struct ServingLimits {
  std::size_t inflight_requests_max = 0;  // waiting and running
  std::size_t input_bytes_max = 0;        // of the inputs of those
  std::uint64_t slo_p99_us = 0;           // from submission to reply

  bool any() const { return inflight_requests_max > 0 || input_bytes_max > 0 || slo_p99_us > 0; }
};

// Fails with invalid_argument when a parameter is no whole number.
Result<ServingLimits> serving_limits(const ConfigStrings& parameters, ServingLimits defaults);

// The parameter `compute_weight`; without it one over the priority of the rate limiter, averaged
// over the instances, because that is how many chances Triton gives an instance; else 1. Fails with
// invalid_argument when the parameter is no whole number up to 1000; 0 is as if it were absent.
Result<double> compute_weight(const ModelConfig& config);

}  // namespace mlops
