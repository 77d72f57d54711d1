#include "engine/execution_choice.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <utility>

#include "engine/execution_trial.h"
#include "execute/by_rows_backend.h"
#include "execute/onnx_scan.h"
#include "execute/openvino_backend.h"
#include "execute/tree_backend.h"

namespace mlops {
namespace {

// Sums in another order, and nothing else: what deep networks were seen to differ by.
constexpr double kRounding = 2e-5;
constexpr auto kTrialTime = std::chrono::milliseconds(800);  // of each candidate

const std::string kInOrt = "runs in ONNX Runtime: ";

std::string short_number(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.2g", value);
  return text.data();
}

struct Candidate {
  ExecutionVerdict::By by = ExecutionVerdict::By::openvino;
  std::string name;
  std::unique_ptr<Backend> backend;
  std::int64_t from_rows = 0;
  double gain = 0;  // over ONNX Runtime, summed over the sizes that it would run
  ExecutionTrial trial;
};

std::string speed_ups(const Candidate& candidate) {
  std::string text;
  for (const TrialTimes& times : candidate.trial.times) {
    text += (text.empty() ? "" : ", ") + short_number(times.speed_up) + " times as fast for " +
            std::to_string(times.rows) + (times.rows == 1 ? " row" : " rows");
  }
  return text + ", largest difference " + short_number(candidate.trial.worst);
}

// Of OpenVINO in one precision, or why not.
Result<Candidate> try_openvino(Backend& loaded, const ModelSource& source,
                               const ExecutionWish& wish, const OpenvinoOptions& options,
                               const std::shared_ptr<const OpenvinoRuntime>& runtime,
                               const ExecutionParts& parts) {
  const bool exact = wish.precision == Precision::exact;
  Result<std::unique_ptr<Backend>> made =
      load_openvino_backend(runtime, source.path, loaded, options, parts.copies);
  if (!made.ok()) return made.status();
  ExecutionTerms terms;
  terms.tolerance = exact ? kRounding : std::max(kRounding, wish.accuracy_gate);
  terms.may_refuse = !exact || wish.execution == Execution::openvino;
  terms.time_max = kTrialTime;
  Result<ExecutionTrial> trial = try_execution(loaded, **made, terms, *parts.clock);
  if (!trial.ok()) return trial.status();
  if (!trial->difference.empty()) return Status::unimplemented(trial->difference);
  Candidate candidate;
  const bool bf16 = options.precision == OpenvinoPrecision::bf16;
  candidate.by = bf16 ? ExecutionVerdict::By::openvino_bf16 : ExecutionVerdict::By::openvino;
  candidate.name = bf16 ? "OpenVINO in BF16" : "OpenVINO";
  candidate.backend = *std::move(made);
  candidate.trial = *std::move(trial);
  candidate.from_rows =
      wish.execution == Execution::openvino ? 1 : faster_from(candidate.trial.times);
  for (const TrialTimes& times : candidate.trial.times) {
    const bool used = candidate.from_rows > 0 && times.rows >= candidate.from_rows;
    candidate.gain += used ? times.speed_up : 1;
  }
  return candidate;
}

ExecutionChoice with_verdict(std::unique_ptr<Backend> loaded, std::unique_ptr<Backend> other,
                             const ExecutionVerdict& verdict, const ExecutionWish& wish) {
  const double spread = wish.precision == Precision::exact ? 0 : wish.accuracy_gate;
  if (verdict.from_rows <= 1) return {std::move(other), verdict.reason};
  return {make_by_rows_backend(std::move(loaded), std::move(other), verdict.from_rows, spread),
          verdict.reason};
}

OpenvinoOptions options_of(const ExecutionWish& wish, bool bf16) {
  return {bf16 ? OpenvinoPrecision::bf16 : OpenvinoPrecision::f32,
          wish.precision == Precision::exact ? 0 : wish.accuracy_gate};
}

// The verdict of trials of all that there is, and what it chose.
struct Tried {
  ExecutionVerdict verdict;
  std::unique_ptr<Backend> backend;  // null: ONNX Runtime's
  bool lasting = true;               // it would be the same at another load
};

Tried try_all(Backend& loaded, const ModelSource& source, const ExecutionWish& wish,
              const std::shared_ptr<const OpenvinoRuntime>& runtime, const ExecutionParts& parts) {
  std::vector<Candidate> candidates;
  std::string why;
  bool lasting = true;
  for (const bool bf16 : {false, true}) {
    if (bf16 && (wish.precision == Precision::exact || !runtime->has_bf16())) continue;
    Result<Candidate> tried =
        try_openvino(loaded, source, wish, options_of(wish, bf16), runtime, parts);
    if (tried.ok()) {
      candidates.push_back(*std::move(tried));
    } else {
      lasting = lasting && tried.status().code() != Code::resource_exhausted;
      why += (why.empty() ? "" : "; ") + std::string(bf16 ? "OpenVINO in BF16" : "OpenVINO") +
             ": " + tried.status().message();
    }
  }
  const auto best = std::ranges::max_element(candidates, {}, &Candidate::gain);
  using By = ExecutionVerdict::By;
  if (best == candidates.end()) return {{By::onnxruntime, 1, kInOrt + why}, nullptr, lasting};
  if (best->from_rows == 0) {
    return {{By::onnxruntime, 1, kInOrt + "it is the faster one; OpenVINO is " + speed_ups(*best)},
            nullptr,
            lasting};
  }
  const std::string where =
      best->from_rows > 1 ? " from " + std::to_string(best->from_rows) + " rows on" : "";
  return {{best->by, best->from_rows,
           "runs in " + best->name + where + ": ONNX Runtime is the measure, " + speed_ups(*best)},
          std::move(best->backend),
          lasting};
}

// What an earlier load found, if it can still be had.
std::optional<ExecutionChoice> as_before(std::unique_ptr<Backend>& loaded,
                                         const ModelSource& source, const ExecutionWish& wish,
                                         const std::shared_ptr<const OpenvinoRuntime>& runtime,
                                         const ExecutionParts& parts, const std::string& key) {
  std::optional<ExecutionVerdict> verdict = parts.cache->find(key);
  if (!verdict) return std::nullopt;
  verdict->reason += " (found at an earlier load)";
  if (verdict->by == ExecutionVerdict::By::onnxruntime) {
    return ExecutionChoice{std::move(loaded), verdict->reason};
  }
  const bool bf16 = verdict->by == ExecutionVerdict::By::openvino_bf16;
  Result<std::unique_ptr<Backend>> made =
      load_openvino_backend(runtime, source.path, *loaded, options_of(wish, bf16), parts.copies);
  if (!made.ok()) return std::nullopt;
  return with_verdict(std::move(loaded), *std::move(made), *verdict, wish);
}

// The model and the files that it keeps weights in.
std::vector<std::string> files_of(const std::string& path) {
  std::vector<std::string> files = {path};
  const Result<OnnxScan> scan = scan_onnx_file(path);
  if (!scan.ok()) return files;
  for (const std::string& name : scan->external_files) {
    files.push_back((std::filesystem::path(path).parent_path() / name).string());
  }
  return files;
}

ExecutionChoice choose_openvino(std::unique_ptr<Backend> loaded, const ModelSource& source,
                                const ExecutionWish& wish, const ExecutionParts& parts) {
  if (source.ort.intra_op_threads > 1) {
    return {std::move(loaded), kInOrt + "a run of it has several threads"};
  }
  const auto runtime = parts.openvino();
  if (!runtime.ok()) return {std::move(loaded), kInOrt + runtime.status().message()};
  const Result<std::string> key =
      execution_key(files_of(source.path), wish,
                    {"onnxruntime " + parts.ort_version, "openvino " + (*runtime)->version()});
  if (key.ok()) {
    auto before = as_before(loaded, source, wish, *runtime, parts, *key);
    if (before) return *std::move(before);
  }
  Tried tried = try_all(*loaded, source, wish, *runtime, parts);
  if (key.ok() && tried.lasting) parts.cache->keep(*key, tried.verdict);
  if (!tried.backend) return {std::move(loaded), tried.verdict.reason};
  return with_verdict(std::move(loaded), std::move(tried.backend), tried.verdict, wish);
}

// What the older parameter says, where the newer says nothing of trees.
Result<TreeExecution> wanted_trees(const ExecutionWish& wish, const ConfigStrings& parameters) {
  const Result<TreeExecution> older = tree_execution(parameters);
  if (!older.ok()) return older;
  if (wish.execution == Execution::trees) return TreeExecution::native;
  const bool none =
      wish.execution == Execution::onnxruntime || wish.execution == Execution::openvino;
  return none ? TreeExecution::onnxruntime : *older;
}

}  // namespace

Result<ExecutionChoice> choose_execution(std::unique_ptr<Backend> loaded, const ModelSource& source,
                                         const ExecutionWish& defaults,
                                         const ExecutionParts& parts) {
  const ConfigStrings none;
  const ConfigStrings& parameters = source.config ? source.config->parameters : none;
  const Result<ExecutionWish> wish = execution_wish(parameters, defaults);
  if (!wish.ok()) return wish.status();
  const Result<TreeExecution> trees = wanted_trees(*wish, parameters);
  if (!trees.ok()) return trees.status();
  Result<TreeChoice> tried = choose_tree_backend(std::move(loaded), source.path, *trees);
  if (!tried.ok()) return tried.status();
  ExecutionChoice choice{std::move(tried->backend), std::move(tried->reason)};
  const bool openvino =
      wish->execution == Execution::automatic || wish->execution == Execution::openvino;
  // With a reason it has trees, which OpenVINO does not know.
  if (!openvino || !choice.reason.empty()) return choice;
  return choose_openvino(std::move(choice.backend), source, *wish, parts);
}

}  // namespace mlops
