#include "engine/model_loading.h"

#include <algorithm>

#include "base/cpu_budget.h"
#include "engine/batch_probe.h"
#include "engine/run_limit.h"
#include "model/batch_rule.h"
#include "model/sequence_plan.h"

namespace mlops {
namespace {

constexpr std::int64_t kDefaultBatchRows = 64;

std::shared_ptr<ModelInfo> make_info(const ModelSource& source, const Backend& backend,
                                     const ProbeResult& probe, unsigned lanes) {
  auto info = std::make_shared<ModelInfo>();
  info->name = source.name;
  info->version = source.version;
  info->platform = std::string(backend.platform());
  info->signature = backend.signature();
  info->decoupled = backend.decoupled();
  info->batchable = probe.batchable;
  info->batching_reason = probe.reason;
  info->lanes = lanes;
  if (probe.batchable) {
    info->batch_rows_max = source.batch_rows_max > 0 ? source.batch_rows_max : kDefaultBatchRows;
    info->batch_delay_us_max = source.batch_delay_us_max;
  }
  return info;
}

unsigned lane_count(const ModelSource& source, const EngineOptions& options) {
  if (source.lanes > 0) return source.lanes;
  return options.lanes > 0 ? options.lanes : usable_cores();
}

// What is known of a back end that is not tried.
ProbeResult trusted_back_end(const Backend& backend, const BatchRule& rule, Duration single_row) {
  const Signature& signature = backend.signature();
  ProbeResult known;
  known.batchable = rule.batchable && !backend.decoupled();
  known.reason = backend.decoupled() ? "it answers in parts" : rule.reason;
  known.single_row = single_row;
  for (const TensorSpec& spec : signature.outputs) {
    const auto open = std::ranges::count(spec.dims, kAnySize);
    const bool only_rows = known.batchable && open == 1;  // the rule says that it is axis 0
    known.sizable_outputs.push_back(spec.rank_known && spec.dtype != DType::bytes &&
                                    (open == 0 || only_rows));
  }
  return known;
}

Result<ProbeResult> try_back_end(Backend& backend, const EngineParts& parts) {
  const Signature& signature = backend.signature();
  const BatchRule rule = infer_batch_rule(signature);
  if (const auto known = backend.known_run_time()) return trusted_back_end(backend, rule, *known);
  if (backend.decoupled()) return trusted_back_end(backend, rule, Duration{0});
  Result<std::unique_ptr<Executor>> executor = backend.make_executor();
  if (!executor.ok()) return executor.status();
  RunLimit limit(**executor, std::chrono::milliseconds(parts.options->trial_run_ms_max));
  ProbeResult probe = probe_model(**executor, signature, rule, *parts.clock);
  if (limit.release()) {
    return Status::invalid_argument("the model did not finish its trial runs within " +
                                    std::to_string(parts.options->trial_run_ms_max) + " ms");
  }
  return probe;
}

void log_loaded(LogSink& log, const ModelInfo& info, const ProbeResult& probe, unsigned lanes) {
  log.log(Severity::info,
          "model '" + info.name + "' version " + std::to_string(info.version) + ": " +
              std::to_string(lanes) + " lanes, " +
              (info.batchable ? "batches of up to " + std::to_string(info.batch_rows_max) + " rows"
                              : std::string("no batching")) +
              " (" + info.batching_reason + "), one row takes " +
              std::to_string(probe.single_row.count() / 1000) + " us");
}

}  // namespace

Result<std::shared_ptr<ServedModel>> prepare_version(const ModelSource& source,
                                                     std::unique_ptr<Backend> backend,
                                                     const EngineParts& parts) {
  Result<ProbeResult> tried = try_back_end(*backend, parts);
  if (!tried.ok()) return tried.status();
  const ProbeResult& probe = *tried;

  ServedModelOptions options;
  options.lanes = lane_count(source, *parts.options);
  options.sequences = source.sequences;

  LaneContext context;
  const std::shared_ptr<ModelInfo> info = make_info(source, *backend, probe, options.lanes);
  if (source.sequences) {
    Result<SequencePlan> plan =
        plan_sequences(*source.sequences, backend->signature(), info->batchable);
    if (!plan.ok()) return plan.status();
    info->signature = std::move(plan->client);  // the rest is between us and the model
  }
  context.info = info;
  context.sizable_outputs = probe.sizable_outputs;
  context.slabs = parts.slabs;
  context.copies = parts.copies;
  context.clock = parts.clock;

  options.queue_requests_max = parts.options->queue_requests_max;
  options.batch.rows_max = std::max<std::int64_t>(1, context.info->batch_rows_max);
  options.batch.delay_max = std::chrono::microseconds(source.batch_delay_us_max);
  options.inline_run_max = std::chrono::microseconds(parts.options->inline_run_us_max);
  options.expected_run = probe.single_row;
  log_loaded(*parts.log, *context.info, probe, options.lanes);
  return ServedModel::create(std::move(backend), std::move(context), options, *parts.watch);
}

}  // namespace mlops
