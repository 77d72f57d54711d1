// The engine's part of a Prometheus page. Triton's names carry Triton's meaning and units; the
// histograms, which Triton lacks, are ours.

#include <array>
#include <functional>
#include <string>

#include "engine/engine.h"
#include "engine/metrics_lines.h"

namespace mlops {
namespace {

using prometheus::escaped;
using prometheus::header;
using prometheus::labels_of;
using prometheus::sample;
using prometheus::seconds;

// Edges in nanoseconds at bucket boundaries of Histogram, so that cumulative counts are exact.
constexpr std::array<std::uint64_t, 19> kEdgesNs = {
    (1ULL << 12) - 1, (1ULL << 13) - 1, (1ULL << 14) - 1, (1ULL << 15) - 1, (1ULL << 16) - 1,
    (1ULL << 17) - 1, (1ULL << 18) - 1, (1ULL << 19) - 1, (1ULL << 20) - 1, (1ULL << 21) - 1,
    (1ULL << 22) - 1, (1ULL << 23) - 1, (1ULL << 24) - 1, (1ULL << 25) - 1, (1ULL << 26) - 1,
    (1ULL << 27) - 1, (1ULL << 28) - 1, (1ULL << 30) - 1, (1ULL << 32) - 1};
constexpr std::array<std::uint64_t, 8> kEdgesRows = {1, 2, 3, 7, 15, 31, 63, 127};

using PerModel = std::function<std::uint64_t(const ModelStats&)>;

void family(std::string& page, const EngineStats& stats, const char* name, const char* help,
            const char* type, const PerModel& value) {
  header(page, name, help, type);
  for (const ModelStats& model : stats.models) {
    sample(page, name, labels_of(model), std::to_string(value(model)));
  }
}

template <std::size_t N>
void histogram(std::string& page, const EngineStats& stats, const char* name, const char* help,
               HistogramSnapshot ModelStats::*field, const std::array<std::uint64_t, N>& edges,
               bool as_seconds) {
  header(page, name, help, "histogram");
  const std::string bucket = std::string(name) + "_bucket";
  const auto number = [&](std::uint64_t n) { return as_seconds ? seconds(n) : std::to_string(n); };
  for (const ModelStats& model : stats.models) {
    const HistogramSnapshot& values = model.*field;
    const std::string labels = labels_of(model);
    for (std::uint64_t edge : edges) {
      sample(page, bucket, labels + ",le=\"" + number(edge) + "\"",
             std::to_string(values.count_at_most(edge)));
    }
    sample(page, bucket, labels + ",le=\"+Inf\"", std::to_string(values.count));
    sample(page, std::string(name) + "_sum", labels, number(values.sum));
    sample(page, std::string(name) + "_count", labels, std::to_string(values.count));
  }
}

void set_aside(std::string& page, const EngineStats& stats) {
  const char* name = "mlops_execution_set_aside_runs_total";
  header(page, name, "Runs that ONNX Runtime took from a faster back end for the values in them",
         "counter");
  for (const ModelStats& model : stats.models) {
    if (!model.runs_set_aside) continue;
    sample(page, name, labels_of(model), std::to_string(*model.runs_set_aside));
  }
}

void guards(std::string& page, const EngineStats& stats) {
  const char* rejected = "mlops_guard_rejected_requests_total";
  header(page, rejected, "Requests refused for a value that the model is guarded from", "counter");
  for (const ModelStats& model : stats.models) {
    if (!model.guard) continue;
    sample(page, rejected, labels_of(model), std::to_string(model.guard->requests_rejected));
  }
  const char* routed = "mlops_guard_routed_requests_total";
  header(page, routed, "Requests that another version answered for such a value", "counter");
  for (const ModelStats& model : stats.models) {
    if (!model.guard) continue;
    sample(page, routed, labels_of(model), std::to_string(model.guard->requests_routed));
  }
  const char* imputed = "mlops_guard_imputed_values_total";
  header(page, imputed, "Values of requests that were replaced before they ran", "counter");
  for (const ModelStats& model : stats.models) {
    if (!model.guard) continue;
    sample(page, imputed, labels_of(model), std::to_string(model.guard->values_imputed));
  }
}

void failures(std::string& page, const EngineStats& stats) {
  const char* name = "nv_inference_request_failure";
  header(page, name, "Number of failed inference requests, by reason", "counter");
  for (const ModelStats& model : stats.models) {
    const auto count = [&](Code code) { return model.failure[static_cast<std::size_t>(code)]; };
    const std::uint64_t rejected =
        count(Code::resource_exhausted) + count(Code::unavailable) + count(Code::deadline_exceeded);
    const std::uint64_t backend = count(Code::internal);
    const std::uint64_t other =
        count(Code::invalid_argument) + count(Code::not_found) + count(Code::unimplemented);
    const std::string labels = labels_of(model);
    sample(page, name, labels + ",reason=\"REJECTED\"", std::to_string(rejected));
    sample(page, name, labels + ",reason=\"CANCELED\"", std::to_string(count(Code::cancelled)));
    sample(page, name, labels + ",reason=\"BACKEND\"", std::to_string(backend));
    sample(page, name, labels + ",reason=\"OTHER\"", std::to_string(other));
  }
  const char* ours = "mlops_request_failures_total";
  header(page, ours, "Failed inference requests, by status code", "counter");
  for (const ModelStats& model : stats.models) {
    for (std::size_t code = 1; code < model.failure.size(); ++code) {
      if (code == static_cast<std::size_t>(Code::already_exists)) continue;  // no request's end
      const std::string label(code_name(static_cast<Code>(code)));
      sample(page, ours, labels_of(model) + ",code=\"" + label + "\"",
             std::to_string(model.failure[code]));
    }
  }
}

void refusals(std::string& page, const EngineStats& stats) {
  const char* name = "mlops_requests_refused_total";
  header(page, name, "Requests refused for lack of room or time, by reason", "counter");
  for (const ModelStats& model : stats.models) {
    for (std::size_t i = 0; i < model.refused.size(); ++i) {
      const std::string reason(refusal_name(static_cast<Refusal>(i)));
      sample(page, name, labels_of(model) + ",reason=\"" + reason + "\"",
             std::to_string(model.refused[i]));
    }
  }
}

void triton_counters(std::string& page, const EngineStats& stats) {
  family(page, stats, "nv_inference_request_success", "Number of successful inference requests",
         "counter", [](const ModelStats& m) { return m.success; });
  failures(page, stats);
  family(page, stats, "nv_inference_count", "Number of inferences (rows) performed", "counter",
         [](const ModelStats& m) { return m.inferences; });
  family(page, stats, "nv_inference_exec_count", "Number of model executions", "counter",
         [](const ModelStats& m) { return m.executions; });
  family(page, stats, "nv_inference_pending_request_count", "Requests waiting for execution",
         "gauge", [](const ModelStats& m) { return m.queued; });
}

void duration_counters(std::string& page, const EngineStats& stats) {
  family(page, stats, "nv_inference_request_duration_us", "Cumulative request time", "counter",
         [](const ModelStats& m) { return m.request_ns.sum / 1000; });
  family(page, stats, "nv_inference_queue_duration_us", "Cumulative queue time", "counter",
         [](const ModelStats& m) { return m.queue_ns.sum / 1000; });
  family(page, stats, "nv_inference_compute_input_duration_us", "Cumulative input time", "counter",
         [](const ModelStats& m) { return m.per_request.input_ns / 1000; });
  family(page, stats, "nv_inference_compute_infer_duration_us", "Cumulative model time", "counter",
         [](const ModelStats& m) { return m.per_request.infer_ns / 1000; });
  family(page, stats, "nv_inference_compute_output_duration_us", "Cumulative output time",
         "counter", [](const ModelStats& m) { return m.per_request.output_ns / 1000; });
}

void first_response(std::string& page, const EngineStats& stats) {
  const std::string name = "nv_inference_first_response_histogram_ms";
  header(page, name.c_str(), "Submission to the first response, successes", "histogram");
  for (const ModelStats& model : stats.models) {
    const std::string labels = labels_of(model);
    std::uint64_t count = 0;
    for (std::size_t i = 0; i < model.first_response.size(); ++i) {
      count += model.first_response[i];
      const std::string edge = i < kFirstResponseEdgesMs.size()
                                   ? std::to_string(kFirstResponseEdgesMs[i])
                                   : std::string("+Inf");
      sample(page, name + "_bucket", labels + ",le=\"" + edge + "\"", std::to_string(count));
    }
    sample(page, name + "_sum", labels, std::to_string(model.request_ns.sum / 1'000'000));
    sample(page, name + "_count", labels, std::to_string(count));
  }
}

void summary(std::string& page, const EngineStats& stats, const std::string& name,
             HistogramSnapshot ModelStats::*field, const std::vector<double>& quantiles) {
  header(page, name.c_str(), "Quantiles in microseconds, within 12.5 %", "summary");
  for (const ModelStats& model : stats.models) {
    const HistogramSnapshot& values = model.*field;
    const std::string labels = labels_of(model);
    for (const double quantile : quantiles) {
      char edge[32];
      std::snprintf(edge, sizeof(edge), "%g", quantile);
      sample(page, name, labels + ",quantile=\"" + edge + "\"",
             std::to_string(values.quantile(quantile) / 1000));
    }
    sample(page, name + "_sum", labels, std::to_string(values.sum / 1000));
    sample(page, name + "_count", labels, std::to_string(values.count));
  }
}

void summaries(std::string& page, const EngineStats& stats, const std::vector<double>& quantiles) {
  summary(page, stats, "nv_inference_request_summary_us", &ModelStats::request_ns, quantiles);
  summary(page, stats, "nv_inference_queue_summary_us", &ModelStats::queue_ns, quantiles);
  summary(page, stats, "nv_inference_compute_input_summary_us", &ModelStats::input_ns, quantiles);
  summary(page, stats, "nv_inference_compute_infer_summary_us", &ModelStats::infer_ns, quantiles);
  summary(page, stats, "nv_inference_compute_output_summary_us", &ModelStats::output_ns, quantiles);
}

void own_counters(std::string& page, const EngineStats& stats) {
  refusals(page, stats);
  header(page, "mlops_requests_in_flight", "Requests that wait or run", "gauge");
  for (const ModelStats& model : stats.models) {
    if (!model.inflight) continue;
    sample(page, "mlops_requests_in_flight", labels_of(model), std::to_string(*model.inflight));
  }
  header(page, "mlops_objective_p99_seconds", "The latency objective of a model that has one",
         "gauge");
  for (const ModelStats& model : stats.models) {
    if (model.slo_p99_us == 0) continue;
    sample(page, "mlops_objective_p99_seconds", labels_of(model), seconds(model.slo_p99_us * 1000));
  }
  family(page, stats, "mlops_inline_executions_total",
         "Executions on the submitting thread, without a hand-off", "counter",
         [](const ModelStats& m) { return m.inline_executions; });
  histogram(page, stats, "mlops_request_duration_seconds", "Submission to reply, successes",
            &ModelStats::request_ns, kEdgesNs, true);
  histogram(page, stats, "mlops_queue_duration_seconds", "Submission to being taken into a batch",
            &ModelStats::queue_ns, kEdgesNs, true);
  histogram(page, stats, "mlops_execution_duration_seconds", "One back end run",
            &ModelStats::infer_ns, kEdgesNs, true);
  histogram(page, stats, "mlops_batch_rows", "Rows per execution", &ModelStats::batch_rows,
            kEdgesRows, false);
  header(page, "mlops_copy_bytes_total", "Host bytes copied, by the place that copies", "counter");
  for (std::size_t i = 0; i < kCopySites; ++i) {
    const std::string site(copy_site_name(static_cast<CopySite>(i)));
    sample(page, "mlops_copy_bytes_total", "site=\"" + site + "\"",
           std::to_string(stats.copy_bytes[i]));
  }
  header(page, "mlops_slab_bytes_in_use", "Batch memory handed out now", "gauge");
  page += "mlops_slab_bytes_in_use " + std::to_string(stats.slab_bytes_in_use) + "\n";
}

void pool(std::string& page, const EngineStats& stats) {
  const auto line = [&](const char* name, const char* help, const char* type,
                        const std::string& value) {
    header(page, name, help, type);
    page.append(name).append(" ").append(value).append("\n");
  };
  const PoolStats& pool = stats.pool;
  line("mlops_pool_cores", "Batches off the event loops that may compute at a time", "gauge",
       std::to_string(pool.cores));
  line("mlops_pool_busy_cores", "Of which now", "gauge", std::to_string(pool.busy_cores));
  line("mlops_pool_threads", "Threads of the pool, slow and waiting runs included", "gauge",
       std::to_string(pool.threads));
  line("mlops_pool_turns_total", "Batches and other turns that pool threads began", "counter",
       std::to_string(pool.turns));
  line("mlops_pool_wait_seconds_total", "Time from when a turn could begin until it did", "counter",
       seconds(pool.wait_ns));
  line("mlops_pool_overruns_total", "Turns so long that others were let in beside them", "counter",
       std::to_string(pool.overruns));
  header(page, "mlops_compute_seconds_total", "Processor time of a model in the pool", "counter");
  for (const ModelStats& model : stats.models) {
    sample(page, "mlops_compute_seconds_total", labels_of(model), seconds(model.compute_ns));
  }
  header(page, "mlops_compute_weight", "Share of the pool, relative to other models", "gauge");
  for (const ModelStats& model : stats.models) {
    char weight[32];
    std::snprintf(weight, sizeof(weight), "%g", model.compute_weight);
    sample(page, "mlops_compute_weight", labels_of(model), weight);
  }
}

void response_cache(std::string& page, const EngineStats& stats) {
  family(page, stats, "nv_cache_num_hits_per_model", "Number of cache hits", "counter",
         [](const ModelStats& m) { return m.cache_hit.count; });
  family(page, stats, "nv_cache_num_misses_per_model", "Number of cache misses", "counter",
         [](const ModelStats& m) { return m.cache_miss.count; });
  family(page, stats, "nv_cache_hit_duration_per_model", "Total time of cache hits, microseconds",
         "counter", [](const ModelStats& m) { return m.cache_hit.ns / 1000; });
  family(page, stats, "nv_cache_miss_duration_per_model",
         "Total time of cache misses, microseconds", "counter",
         [](const ModelStats& m) { return m.cache_miss.ns / 1000; });
  const auto of_cached = [&](const char* name, const char* help, auto value) {
    header(page, name, help, "counter");
    for (const ModelStats& model : stats.models) {
      if (model.cached) sample(page, name, labels_of(model), std::to_string(value(model)));
    }
  };
  of_cached("mlops_cache_shared_total", "Cache hits that waited for the answer of an equal request",
            [](const ModelStats& m) { return m.cache_shared; });
  of_cached("mlops_cache_partial_total", "Cache misses of which some rows were found",
            [](const ModelStats& m) { return m.cache_partial; });
  of_cached("mlops_cache_row_hits_total", "Rows that were found one by one",
            [](const ModelStats& m) { return m.cache_rows.found; });
  of_cached("mlops_cache_row_misses_total", "Rows that were looked for in vain",
            [](const ModelStats& m) { return m.cache_rows.missed; });
  if (!stats.cache) return;
  const auto line = [&](const char* name, const char* help, const char* type, std::uint64_t value) {
    header(page, name, help, type);
    page.append(name).append(" ").append(std::to_string(value)).append("\n");
  };
  const CacheStats& cache = *stats.cache;
  line("mlops_cache_entries", "Answers in the response cache", "gauge", cache.entries);
  line("mlops_cache_bytes", "Bytes that they take, in whole chunks", "gauge", cache.bytes_used);
  line("mlops_cache_bytes_max", "Bytes that answers can take", "gauge", cache.bytes_max);
  line("mlops_cache_insertions_total", "Answers that were put", "counter", cache.insertions);
  line("mlops_cache_evictions_total", "Answers that left for room", "counter", cache.evictions);
  line("mlops_cache_too_large_total", "Answers too large to be kept", "counter", cache.too_large);
}

// There is no pinned memory on a CPU: what dashboards made for Triton ask of it is nothing, which
// is an answer, and a missing family is none.
void absent_parts(std::string& page) {
  header(page, "nv_pinned_memory_pool_total_bytes", "Pinned memory, in bytes", "gauge");
  page += "nv_pinned_memory_pool_total_bytes 0\n";
  header(page, "nv_pinned_memory_pool_used_bytes", "Pinned memory in use, in bytes", "gauge");
  page += "nv_pinned_memory_pool_used_bytes 0\n";
}

}  // namespace

std::string metrics_text(const EngineStats& stats, const MetricsOptions& options) {
  std::string page;
  triton_counters(page, stats);
  if (options.counter_latencies) duration_counters(page, stats);
  if (options.histogram_latencies) first_response(page, stats);
  if (options.summary_latencies) summaries(page, stats, options.summary_quantiles);
  response_cache(page, stats);
  absent_parts(page);
  own_counters(page, stats);
  pool(page, stats);
  set_aside(page, stats);
  guards(page, stats);
  add_drift_metrics(page, stats);
  add_feedback_metrics(page, stats);
  route_metrics(page, stats);
  return page;
}

}  // namespace mlops
