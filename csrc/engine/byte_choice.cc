#include "engine/byte_choice.h"

#include <array>
#include <cstdio>
#include <string>
#include <utility>

#include "base/thread_clock.h"
#include "engine/execution_trial.h"
#include "execute/byte_backend.h"

namespace mlops {
namespace {

constexpr const char* kByteName = "tiles of bytes";
// For both, all sizes together: a start waits for it.
constexpr Duration kByteTrialTime = std::chrono::milliseconds(300);

std::string times_as_fast(const std::vector<TrialTimes>& times) {
  std::string text;
  for (const TrialTimes& at : times) {
    std::array<char, 96> part{};
    std::snprintf(part.data(), part.size(), "%s%.2g times as fast for %lld %s",
                  text.empty() ? "" : ", ", at.speed_up, static_cast<long long>(at.rows),
                  at.rows == 1 ? "row" : "rows");
    text += part.data();
  }
  return text;
}

ByteChoice kept(std::unique_ptr<Backend> loaded, const std::string& why, ExecutionTried tried) {
  return {std::move(loaded), {"runs in ONNX Runtime: " + why, true, {std::move(tried)}}, false};
}

}  // namespace

ByteChoice choose_byte_backend(std::unique_ptr<Backend> loaded, const ModelSource& source) {
  if (!may_use_tiles() || source.ort.intra_op_threads > 1) return {std::move(loaded), {}, false};
  Result<std::unique_ptr<Backend>> made =
      load_byte_backend(source.path, *loaded, run_layer_in_tiles);
  if (!made.ok() && made.status().message().empty()) return {std::move(loaded), {}, false};
  ExecutionTried tried{kByteName, "", 0, {}};
  if (!made.ok()) {
    tried.refused = made.status().message();
    return kept(std::move(loaded), std::string(kByteName) + ": " + tried.refused, tried);
  }
  ExecutionTerms terms;  // no difference at all
  terms.time_max = kByteTrialTime;
  const ThreadClock own_time;  // what else runs on the machine decides nothing
  const Result<ExecutionTrial> trial = try_execution(*loaded, **made, terms, own_time);
  if (!trial.ok()) {
    tried.refused = trial.status().message();
  } else if (!trial->difference.empty() || trial->magnitude_max > 0) {
    tried.refused = trial->difference.empty() ? trial->limited_by : trial->difference;
  }
  if (!tried.refused.empty()) {
    return kept(std::move(loaded), std::string(kByteName) + ": " + tried.refused, tried);
  }
  tried.times = trial->times;
  const std::string figures = times_as_fast(trial->times);
  if (faster_from(trial->times) != 1) {
    return kept(std::move(loaded), std::string(kByteName) + " are " + figures, tried);
  }
  return {*std::move(made),
          {"runs natively in tiles of bytes (AMX) with the same answers: ONNX Runtime is the "
           "measure, " +
               figures,
           true,
           {std::move(tried)}},
          true};
}

}  // namespace mlops
