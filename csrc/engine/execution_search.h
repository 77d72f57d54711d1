#pragma once
// Which back end and precision execute a model the fastest inside its gate: remembered from an
// earlier load, or found by trials within a budget of time (ADR 30, ADR 41).

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "engine/execution_cache.h"
#include "engine/execution_note.h"
#include "engine/options.h"
#include "execute/backend.h"
#include "execute/openvino_backend.h"

namespace mlops {

// All trials of a model together; what has not been tried by then is not chosen.
inline constexpr Duration kTrialBudget = std::chrono::seconds(5);
// A model that answers a row faster than this gains nothing from OpenVINO at float precision, whose
// calls cost more: it is tried only where somebody asked for it.
inline constexpr Duration kWorthATrial = std::chrono::microseconds(50);

// OpenVINO, for one source.
struct OtherBackend {
  std::string version;
  bool has_bf16 = false;
  // Compiles: slow. `reference` is the source under ONNX Runtime.
  std::function<Result<std::unique_ptr<Backend>>(const Backend& reference, const OpenvinoOptions&)>
      load;
};

struct ExecutionParts {
  bool openvino_installed = false;  // by the looks of it
  std::function<Result<OtherBackend>(const std::string& path)> openvino;
  const ExecutionCache* cache = nullptr;
  std::string ort_version;
  const Clock* clock = nullptr;  // of the thread that searches: the budget, and the runs
  std::stop_token stop;
};

struct ExecutionFound {
  ExecutionVerdict verdict;
  std::unique_ptr<Backend> other;  // null: ONNX Runtime runs all
  std::int64_t open_size = 1;      // of the open axes besides the batch, as the model accepts it
  std::vector<ExecutionTried> tried;
};

// `loaded` is the source under ONNX Runtime. Blocks. Never fails: whatever goes wrong is a reason
// to stay with ONNX Runtime.
ExecutionFound find_execution(Backend& loaded, const ModelSource& source, const ExecutionWish& wish,
                              const ExecutionParts& parts);

// The two together: ONNX Runtime alone where there is no other.
std::shared_ptr<Backend> composed(std::shared_ptr<Backend> loaded, ExecutionFound& found,
                                  const ExecutionWish& wish);

}  // namespace mlops
