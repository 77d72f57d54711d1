#include "model/serving_limits.h"

#include <algorithm>
#include <charconv>
#include <string>

namespace mlops {
namespace {

// A day. Longer objectives are mistakes of the unit.
constexpr std::uint64_t kObjectiveUsMax = 86'400'000'000;

template <class Number>
Status read(const ConfigStrings& parameters, const std::string& key, std::uint64_t most,
            Number& out) {
  const auto found = parameters.find(key);
  if (found == parameters.end()) return {};
  const std::string& text = found->second;
  const char* end = text.data() + text.size();
  std::uint64_t number = 0;
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stop != end || number > most) {
    return Status::invalid_argument("parameter '" + key + "' is '" + text.substr(0, 64) +
                                    "'; it is a whole number from 0 (none) to " +
                                    std::to_string(most));
  }
  out = static_cast<Number>(number);
  return {};
}

}  // namespace

Result<ServingLimits> serving_limits(const ConfigStrings& parameters, ServingLimits defaults) {
  ServingLimits limits = defaults;
  constexpr std::uint64_t kMost = std::uint64_t{1} << 50;
  Status status = read(parameters, "max_inflight_requests", kMost, limits.inflight_requests_max);
  if (status.ok()) status = read(parameters, "max_input_bytes", kMost, limits.input_bytes_max);
  if (status.ok()) status = read(parameters, "slo_p99_us", kObjectiveUsMax, limits.slo_p99_us);
  if (!status.ok()) return status;
  return limits;
}

Result<double> compute_weight(const ModelConfig& config) {
  constexpr std::uint64_t kWeightMax = 1000;
  std::uint64_t weight = 0;
  if (Status s = read(config.parameters, "compute_weight", kWeightMax, weight); !s.ok()) return s;
  if (weight > 0) return static_cast<double>(weight);
  double chances = 0;
  double instances = 0;
  for (const InstanceGroup& group : config.instance_groups) {
    const double count = std::max(1U, group.count);
    chances += count / std::max(1U, group.priority);
    instances += count;
  }
  return instances > 0 ? chances / instances : 1.0;
}

}  // namespace mlops
