// The result of a run as one JSON object, schema "mlops-loadgen/1".
#pragma once

#include <string>

#include "loadgen/options.h"
#include "loadgen/recorder.h"

namespace mlops::loadgen {

inline constexpr double kClientBoundShare =
    0.7;  // of its core: above it the client may be what was measured
inline constexpr std::uint64_t kP99SamplesMin = 10'000;
inline constexpr std::uint64_t kP999SamplesMin = 100'000;

// Quantiles without enough samples behind them are null. Latencies are in nanoseconds.
std::string result_json(const Options& options, const Recorder& recorder, std::size_t rows);

// Share of one core that the client used: CPU time, or time at work when it spins.
double client_share(const Window& window, bool spin);

}  // namespace mlops::loadgen
