#include "engine/model_loading.h"

#include <algorithm>

#include "engine/batch_probe.h"
#include "engine/cache_loading.h"
#include "engine/complete_config.h"
#include "engine/drift_loading.h"
#include "engine/padding_probe.h"
#include "engine/run_limit.h"
#include "engine/scheduled_model.h"
#include "engine/warm_up.h"
#include "execute/configured_backend.h"
#include "model/batch_rule.h"
#include "model/labels.h"
#include "model/sequence_plan.h"

namespace mlops {
namespace {

constexpr std::int64_t kDefaultBatchRows = 64;
constexpr auto kWarmBudget = std::chrono::seconds(1);

// Given by the configuration: above zero there is a batch axis, zero is none; absent: inferred.
std::optional<std::int64_t> configured_batch(const ModelSource& source) {
  return source.config ? source.config->max_batch_size : std::nullopt;
}

BatchRule batch_rule(const ModelSource& source, const Signature& signature) {
  if (configured_batch(source) == 0) return {false, "max_batch_size is 0"};
  return infer_batch_rule(signature);
}

Result<std::vector<std::vector<std::string>>> load_labels(const ModelSource& source,
                                                          const Signature& signature) {
  std::vector<std::vector<std::string>> labels(signature.outputs.size());
  if (!source.config) return labels;
  for (const TensorConfig& output : source.config->outputs) {
    const auto index = signature.output_index(output.name);
    if (output.label_filename.empty() || !index) continue;
    Result<std::vector<std::string>> read =
        read_labels(source.folder + "/" + output.label_filename);
    if (!read.ok()) {
      return Status(read.status().code(),
                    "labels of output '" + output.name + "': " + read.status().message());
    }
    labels[*index] = *std::move(read);
  }
  return labels;
}

unsigned lane_count(const ModelSource& source, const EngineParts& parts) {
  if (source.lanes > 0) return source.lanes;
  unsigned instances = 0;
  if (source.config) {
    for (const InstanceGroup& group : source.config->instance_groups) instances += group.count;
  }
  if (instances > 0) return instances;
  return parts.options->lanes > 0 ? parts.options->lanes : parts.pool->cores();
}

std::int64_t batch_rows(const ModelSource& source) {
  if (const auto configured = configured_batch(source); configured && *configured > 0) {
    return *configured;
  }
  return source.batch_rows_max > 0 ? source.batch_rows_max : kDefaultBatchRows;
}

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
  const std::int64_t configured = configured_batch(source).value_or(0);
  info->has_batch_axis = probe.batchable || configured > 0;
  info->request_rows_max = configured;
  if (info->has_batch_axis) info->batch_rows_max = batch_rows(source);
  if (probe.batchable) {
    info->batch_delay_us_max = source.batch_delay_us_max;
    if (source.config && source.config->dynamic_batching) {
      info->batch_delay_us_max = source.config->dynamic_batching->queue_delay_us_max;
    }
  }
  return info;
}

void log_loaded(LogSink& log, const ModelInfo& info, const ProbeResult& probe) {
  log.log(Severity::info,
          "model '" + info.name + "' version " + std::to_string(info.version) + ": " +
              std::to_string(info.lanes) + " lanes, " +
              (info.batchable ? "batches of up to " + std::to_string(info.batch_rows_max) + " rows"
                              : std::string("no batching")) +
              " (" + info.batching_reason + "), one row takes " +
              std::to_string(probe.single_row.count() / 1000) + " us");
}

Status fit_backend(const ModelSource& source, std::unique_ptr<Backend>& backend) {
  if (!source.config) return {};
  if (source.config->decoupled && !backend->decoupled()) {
    return Status::invalid_argument(
        "model_transaction_policy says decoupled, which this back end is not");
  }
  Result<FittedModel> fitted = fit_config(*source.config, backend->signature());
  if (!fitted.ok()) return fitted.status();
  if (fitted->differs) backend = make_configured_backend(std::move(backend), *fitted);
  return {};
}

Result<LanePool::Terms> pool_terms(const ModelSource& source, const Backend& backend) {
  LanePool::Terms terms;
  terms.waits = backend.waits();
  terms.threads_per_turn = std::max(1U, source.ort.intra_op_threads);
  if (!source.config) return terms;
  const Result<double> weight = compute_weight(*source.config);
  if (!weight.ok()) return weight.status();
  terms.weight = *weight;
  return terms;
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

// Everything that runs the model before it serves.
Result<ProbeResult> try_out(const ModelSource& source, Backend& backend, const EngineParts& parts) {
  const Signature& signature = backend.signature();
  const BatchRule rule = batch_rule(source, signature);
  const Result<PaddingRule> padding =
      padding_rule(signature, source.config ? source.config->parameters : ConfigStrings());
  if (!padding.ok()) return padding.status();
  if (const auto known = backend.known_run_time()) return trusted_back_end(backend, rule, *known);
  if (backend.decoupled()) return trusted_back_end(backend, rule, Duration{0});
  Result<std::unique_ptr<Executor>> executor = backend.make_executor();
  if (!executor.ok()) return executor.status();
  RunLimit limit(**executor, std::chrono::milliseconds(parts.options->trial_run_ms_max));
  const ProbedModel probed{signature, rule, backend.answer_spread()};
  ProbeResult probe = probe_model(**executor, probed, *parts.clock);
  if (probe.batchable && padding->declared) {
    const PaddingTrial trial = try_padding(**executor, probed, *padding, probe.open_size);
    probe.padding_harmless = trial.harmless;
    probe.reason += trial.harmless ? "; lengths may share a run: " : "; lengths run apart: ";
    probe.reason += trial.reason;
  }
  Status warmed;
  if (source.config) {
    warmed = run_model_warmup(**executor, signature, *source.config, source.folder);
  }
  if (warmed.ok() && probe.ran) {
    const std::int64_t rows_max = probe.batchable ? batch_rows(source) : 1;
    warm_batches(**executor, signature, probe.open_size, rows_max, kWarmBudget, *parts.clock);
  }
  if (limit.release()) {
    return Status::invalid_argument("the model did not finish its trial runs within " +
                                    std::to_string(parts.options->trial_run_ms_max) + " ms");
  }
  if (!warmed.ok()) return warmed;
  return probe;
}

// Null: its predictions are not remembered.
Result<std::shared_ptr<const FeedbackTarget>> feedback_target(const ModelSource& source,
                                                              const ModelInfo& info,
                                                              const EngineParts& parts) {
  using None = std::shared_ptr<const FeedbackTarget>;
  if (!parts.books) return None();
  FeedbackTarget target{{}, nullptr, info.version};
  const Result<bool> asked = plan_feedback(source, info, target.plan);
  if (!asked.ok()) return asked.status();
  if (!*asked) return None();
  Result<std::shared_ptr<LabelJoin>> book = parts.books->open(info.name, target.plan);
  if (!book.ok()) return book.status();
  target.book = *std::move(book);
  return None(std::make_shared<const FeedbackTarget>(std::move(target)));
}

}  // namespace

Status check_supported(const ModelConfig& config) {
  for (const InstanceGroup& group : config.instance_groups) {
    if (group.kind == InstanceGroup::Kind::gpu) {
      return Status::invalid_argument(
          "instance_group asks for KIND_GPU; this server runs models on the CPU");
    }
  }
  if (!config.batch_inputs.empty() || !config.batch_outputs.empty()) {
    return Status::unimplemented("batch_input and batch_output are not supported");
  }
  for (const TensorConfig& input : config.inputs) {
    if (input.allow_ragged_batch) {
      return Status::unimplemented("input '" + input.name +
                                   "': allow_ragged_batch is not supported");
    }
  }
  return {};
}

Result<PreparedVersion> prepare_version(const ModelSource& source, LoadedBackend loaded,
                                        const EngineParts& parts) {
  PreparedVersion version;
  std::unique_ptr<Backend>& backend = loaded.backend;
  if (Status s = fit_backend(source, backend); !s.ok()) return s;
  Result<std::optional<CacheTerms>> cache = cache_terms(source, *backend, parts);
  if (!cache.ok()) return cache.status();
  version.cache = *std::move(cache);
  const Result<ProbeResult> probe = try_out(source, *backend, parts);
  if (!probe.ok()) return probe.status();

  ServedModelOptions& options = version.options;
  options.lanes = lane_count(source, parts);
  options.sequences = source.sequences;
  Result<ServingLimits> limits = serving_limits(
      source.config ? source.config->parameters : ConfigStrings(), parts.options->serving);
  if (!limits.ok()) return limits.status();
  options.limits = *limits;
  Result<LanePool::Terms> terms = pool_terms(source, *backend);
  if (!terms.ok()) return terms.status();
  options.terms = *terms;
  const std::shared_ptr<ModelInfo> info = make_info(source, *backend, *probe, options.lanes);
  info->execution = std::move(loaded.note);
  if (source.sequences) {
    Result<SequencePlan> plan =
        plan_sequences(*source.sequences, backend->signature(), info->has_batch_axis);
    if (!plan.ok()) return plan.status();
    info->signature = std::move(plan->client);  // the rest is between us and the model
  }
  Result<std::vector<std::vector<std::string>>> labels = load_labels(source, info->signature);
  if (!labels.ok()) return labels.status();
  info->labels = *std::move(labels);
  info->config = std::make_shared<const ModelConfig>(complete_config(source.config.get(), *info));

  Result<std::shared_ptr<DriftObserver>> drift =
      load_drift(source, *info, backend->signature(), parts.options->drift.judge);
  if (!drift.ok()) return drift.status();
  version.context.drift = *std::move(drift);
  Result<std::shared_ptr<InputGuard>> guard =
      load_guard(source, *info, version.context.drift.get());
  if (!guard.ok()) return guard.status();
  options.guard = *std::move(guard);
  Result<std::shared_ptr<const FeedbackTarget>> feedback = feedback_target(source, *info, parts);
  if (!feedback.ok()) return feedback.status();
  version.context.feedback = *std::move(feedback);
  version.context.info = info;
  version.context.sizable_outputs = probe->sizable_outputs;
  version.context.slabs = parts.slabs;
  version.context.copies = parts.copies;
  version.context.clock = parts.clock;

  options.queue_requests_max = parts.options->queue_requests_max;
  options.batch.rows_max = info->batchable ? info->batch_rows_max : 1;
  // Rows that are watched are the requests' own.
  options.padding = probe->padding_harmless && !version.context.drift;
  options.batch.delay_max = std::chrono::microseconds(info->batch_delay_us_max);
  if (source.config && source.config->dynamic_batching) {
    options.policy =
        std::shared_ptr<const DynamicBatching>(source.config, &*source.config->dynamic_batching);
    if (info->batch_delay_us_max > 0) {
      options.batch.preferred = options.policy->preferred_batch_sizes;
      std::ranges::sort(options.batch.preferred);
    }
  }
  options.inline_run_max = std::chrono::microseconds(parts.options->inline_run_us_max);
  options.expected_run = probe->single_row;
  log_loaded(*parts.log, *info, *probe);
  version.backend = std::move(backend);
  return version;
}

Result<std::shared_ptr<Servable>> start_version(PreparedVersion version, const EngineParts& parts) {
  const std::shared_ptr<const ModelInfo> info = version.context.info;
  if (version.cache) {
    if (Status s = check_cache_terms(*version.cache, *info); !s.ok()) return s;
  }
  const CachedModel::Watchers watchers{version.context.drift, version.context.feedback};
  const auto start = [&](auto create) -> Result<std::shared_ptr<Servable>> {
    auto model = create(std::move(version.backend), std::move(version.context), version.options,
                        *parts.watch, *parts.pool);
    if (!model.ok()) return model.status();
    std::shared_ptr<Servable> started = *std::move(model);
    if (!version.cache) return started;
    return std::shared_ptr<Servable>(std::make_shared<CachedModel>(
        std::move(started), info, watchers, parts.cache, *version.cache));
  };
  if (version.backend->decoupled() || version.options.sequences) {
    return start(ScheduledModel::create);
  }
  return start(ServedModel::create);
}

}  // namespace mlops
