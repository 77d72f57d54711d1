#pragma once
// What the engine knows about its own work, as plain data. A snapshot is consistent per field, not
// across fields: counters are bumped without locks.

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/histogram.h"
#include "base/status.h"
#include "tensor/copy_meter.h"

namespace mlops {

struct ModelStats {
  std::string name;
  std::int64_t version = 0;
  std::uint64_t success = 0;               // requests
  std::array<std::uint64_t, 9> failure{};  // requests, by Code
  std::uint64_t inferences = 0;            // rows executed for successful requests
  std::uint64_t executions = 0;            // back end runs
  std::uint64_t inline_executions = 0;     // of which on the submitting thread
  std::uint64_t queued = 0;                // waiting now
  std::uint64_t last_inference_ms = 0;     // since the epoch; 0: never
  HistogramSnapshot request_ns;            // submission to reply, successes
  HistogramSnapshot queue_ns;              // submission to being taken into a batch
  HistogramSnapshot input_ns;              // gather, per execution
  HistogramSnapshot infer_ns;              // back end run, per execution
  HistogramSnapshot output_ns;             // scatter and reply, per execution
  HistogramSnapshot batch_rows;            // rows per execution
};

struct EngineStats {
  std::vector<ModelStats> models;
  std::array<std::uint64_t, kCopySites> copy_bytes{};
  std::uint64_t slab_bytes_in_use = 0;
};

}  // namespace mlops
