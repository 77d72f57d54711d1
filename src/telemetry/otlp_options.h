#pragma once
// What --trace-config opentelemetry,... sets, with Triton's names and defaults.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"

namespace mlops {

struct OtlpOptions {
  std::string url = "http://localhost:4318/v1/traces";
  std::vector<std::pair<std::string, std::string>> resource;  // besides service.name's default
  std::uint32_t queue_spans_max = 2048;
  std::uint32_t batch_spans_max = 512;
  Duration delay = std::chrono::milliseconds(5000);  // between exports of less than a batch
  // Retries wait this long, then twice as long, and so on, until the patience is over.
  Duration backoff = std::chrono::milliseconds(500);
  Duration backoff_max = std::chrono::seconds(8);
  Duration patience = std::chrono::seconds(30);
  Duration farewell = std::chrono::seconds(2);  // for what is queued when the server stops
};

}  // namespace mlops
