#include "engine/execution_search.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <utility>
#include <vector>

#include "engine/batch_probe.h"
#include "engine/execution_trial.h"
#include "execute/by_rows_backend.h"
#include "execute/by_values_backend.h"
#include "execute/onnx_scan.h"
#include "execute/openvino_backend.h"
#include "model/batch_rule.h"
#include "model/config_fit.h"

namespace mlops {
namespace {

using By = ExecutionVerdict::By;

// Sums in another order, and nothing else: what deep networks were seen to differ by.
constexpr double kRounding = 2e-5;

const std::string kInOrt = "runs in ONNX Runtime: ";

std::string short_number(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.2g", value);
  return text.data();
}

ExecutionFound stay(const std::string& why) {
  ExecutionFound found;
  found.verdict = {By::onnxruntime, 1, kInOrt + why};
  return found;
}

struct Candidate {
  By by = By::openvino;
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

std::string limit_of(const ExecutionTrial& trial) {
  if (trial.magnitude_max == 0) return "";
  return "; runs with NaN, infinities or values beyond " + std::to_string(trial.magnitude_max) +
         " go to ONNX Runtime, which stays loaded for them (" + trial.limited_by + ")";
}

// What requests are held to: a configuration may close axes that the graph leaves open.
Signature requests_of(const ModelSource& source, const Signature& graph) {
  Signature requests = graph;
  if (!source.config) return requests;
  const Result<FittedModel> fitted = fit_config(*source.config, graph);
  if (!fitted.ok()) return requests;
  for (const FittedTensor& input : fitted->inputs) {
    TensorSpec& spec = requests.inputs[input.graph_index];
    if (input.reshaped || !spec.rank_known || input.spec.dims.size() != spec.dims.size()) continue;
    for (std::size_t axis = 0; axis < spec.dims.size(); ++axis) {
      if (spec.dims[axis] == kAnySize) spec.dims[axis] = input.spec.dims[axis];
    }
  }
  return requests;
}

std::string name_of(By by) { return by == By::openvino_bf16 ? "OpenVINO in BF16" : "OpenVINO"; }

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

Result<ProbeResult> probe(Backend& backend, const Clock& clock) {
  const Result<std::unique_ptr<Executor>> executor = backend.make_executor();
  if (!executor.ok()) return executor.status();
  const BatchRule rule = infer_batch_rule(backend.signature());
  return probe_model(**executor, {backend.signature(), rule, backend.answer_spread()}, clock);
}

class Search {
 public:
  Search(Backend& loaded, const ModelSource& source, const ExecutionWish& wish,
         const ExecutionParts& parts)
      : loaded_(loaded),
        source_(source),
        wish_(wish),
        parts_(parts),
        until_(parts.clock->now() + kTrialBudget) {}

  ExecutionFound run() {
    if (source_.ort.intra_op_threads > 1) return stay("a run of it has several threads");
    const Result<ProbeResult> reference = probe(loaded_, *parts_.clock);
    if (!reference.ok()) return stay(reference.status().message());
    reference_ = *reference;
    if (!wish_.asked() && reference_.ran && reference_.single_row < kWorthATrial) {
      return stay("a row takes less than " +
                  std::to_string(kWorthATrial / std::chrono::microseconds(1)) +
                  " us, too little for another to gain anything");
    }
    Result<OtherBackend> openvino = parts_.openvino(source_.path);
    if (!openvino.ok()) return stay(openvino.status().message());
    openvino_ = *std::move(openvino);
    const Result<std::string> key =
        execution_key(files_of(source_.path), wish_,
                      {"onnxruntime " + parts_.ort_version, "openvino " + openvino_.version});
    if (key.ok()) {
      if (auto before = as_before(*key)) return *std::move(before);
    }
    ExecutionFound found = try_all();
    if (key.ok() && lasting_) parts_.cache->keep(*key, found.verdict);
    return found;
  }

 private:
  // What an earlier load found, if it can still be had.
  std::optional<ExecutionFound> as_before(const std::string& key) {
    std::optional<ExecutionVerdict> verdict = parts_.cache->find(key);
    if (!verdict) return std::nullopt;
    verdict->reason += " (found at an earlier load)";
    ExecutionFound found{*std::move(verdict), nullptr, reference_.open_size, {}};
    if (found.verdict.by == By::onnxruntime) return found;
    Result<std::unique_ptr<Backend>> made = load(found.verdict.by);
    if (!made.ok()) return std::nullopt;
    found.other = *std::move(made);
    return found;
  }

  Result<std::unique_ptr<Backend>> load(By by) {
    OpenvinoOptions options;
    options.precision = by == By::openvino_bf16 ? OpenvinoPrecision::bf16 : OpenvinoPrecision::f32;
    options.spread = wish_.precision == Precision::exact ? 0 : wish_.accuracy_gate;
    options.signature = requests_of(source_, loaded_.signature());
    return openvino_.load(loaded_, options);
  }

  // Of OpenVINO in one precision, or why not. `left`: candidates that share what is left of the
  // time.
  Result<Candidate> try_one(By by, int left) {
    if (parts_.clock->now() > until_) {
      return Status::deadline_exceeded("there was no time left to try it");
    }
    Result<std::unique_ptr<Backend>> made = load(by);
    if (!made.ok()) return made.status();
    const bool exact = wish_.precision == Precision::exact;
    ExecutionTerms terms;
    terms.tolerance = exact ? kRounding : std::max(kRounding, wish_.accuracy_gate);
    const bool demanded = wish_.execution == Execution::openvino;
    terms.may_refuse = !exact || demanded;
    terms.may_hide = demanded;
    terms.time_max = (until_ - parts_.clock->now()) / left;
    terms.stop = parts_.stop;
    Result<ExecutionTrial> trial = try_execution(loaded_, **made, terms, *parts_.clock);
    if (!trial.ok()) return trial.status();
    if (!trial->difference.empty()) return Status::unimplemented(trial->difference);
    Candidate candidate;
    candidate.by = by;
    candidate.name = name_of(by);
    candidate.trial = *std::move(trial);
    candidate.from_rows =
        wish_.execution == Execution::openvino ? 1 : faster_from(candidate.trial.times);
    for (const TrialTimes& times : candidate.trial.times) {
      const bool used = candidate.from_rows > 0 && times.rows >= candidate.from_rows;
      candidate.gain += used ? times.speed_up : 1;
    }
    candidate.backend = *std::move(made);
    return candidate;
  }

  ExecutionFound try_all() {
    std::vector<By> all = {By::openvino};
    if (wish_.precision == Precision::automatic && openvino_.has_bf16) {
      all.push_back(By::openvino_bf16);
    }
    std::vector<Candidate> candidates;
    std::string why;
    for (std::size_t i = 0; i < all.size(); ++i) {
      Result<Candidate> tried = try_one(all[i], static_cast<int>(all.size() - i));
      if (tried.ok()) {
        tried_.push_back({tried->name, "", tried->trial.worst, tried->trial.times});
        candidates.push_back(*std::move(tried));
        continue;
      }
      const Code code = tried.status().code();
      lasting_ = lasting_ && code != Code::resource_exhausted && code != Code::cancelled &&
                 code != Code::deadline_exceeded;
      why += (why.empty() ? "" : "; ") + name_of(all[i]) + ": " + tried.status().message();
      tried_.push_back({name_of(all[i]), tried.status().message(), 0, {}});
    }
    ExecutionFound found = best_of(candidates, why);
    found.tried = std::move(tried_);
    return found;
  }

  // `why`: what kept the others out.
  ExecutionFound best_of(std::vector<Candidate>& candidates, std::string why) {
    const auto best = std::ranges::max_element(candidates, {}, &Candidate::gain);
    if (best == candidates.end()) return stay(why);
    for (auto it = candidates.begin(); it != candidates.end(); ++it) {
      if (it == best) continue;
      why = it->name + ": " + speed_ups(*it) + (why.empty() ? "" : "; ") + why;
    }
    if (!why.empty()) why = "; also tried: " + why;
    if (best->from_rows == 0) {
      return stay("it is the faster one; " + best->name + " is " + speed_ups(*best) + why);
    }
    const std::string where =
        best->from_rows > 1 ? " from " + std::to_string(best->from_rows) + " rows on" : "";
    const std::string reason = "runs in " + best->name + where + ": ONNX Runtime is the measure, " +
                               speed_ups(*best) + limit_of(best->trial) + why;
    return {{best->by, best->from_rows, reason, best->trial.magnitude_max},
            std::move(best->backend),
            reference_.open_size,
            {}};
  }

  Backend& loaded_;
  const ModelSource& source_;
  const ExecutionWish& wish_;
  const ExecutionParts& parts_;
  const TimePoint until_;
  ProbeResult reference_;
  OtherBackend openvino_;
  std::vector<ExecutionTried> tried_;
  bool lasting_ = true;  // it would be the same at another load
};

}  // namespace

ExecutionFound find_execution(Backend& loaded, const ModelSource& source, const ExecutionWish& wish,
                              const ExecutionParts& parts) {
  return Search(loaded, source, wish, parts).run();
}

std::shared_ptr<Backend> composed(std::shared_ptr<Backend> loaded, ExecutionFound& found,
                                  const ExecutionWish& wish) {
  if (!found.other) return loaded;
  const double spread = wish.precision == Precision::exact ? 0 : wish.accuracy_gate;
  std::shared_ptr<Backend> all = std::move(found.other);
  if (found.verdict.from_rows > 1) {
    all = make_by_rows_backend(loaded, std::move(all), found.verdict.from_rows, spread);
  }
  if (found.verdict.magnitude_max > 0) {
    all = make_by_values_backend(std::move(loaded), std::move(all),
                                 static_cast<double>(found.verdict.magnitude_max), spread);
  }
  return all;
}

}  // namespace mlops
