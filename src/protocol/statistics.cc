#include "protocol/statistics.h"

#include <algorithm>
#include <numeric>

#include "protocol/extensions.pb.h"
#include "protocol/json_writer.h"
#include "protocol/model_version.h"

namespace mlops {
namespace {

std::uint64_t failures_of(const ModelStats& model) {
  return std::accumulate(model.failure.begin(), model.failure.end(), std::uint64_t{0});
}

void fill(inference::StatisticDuration& duration, std::uint64_t count, std::uint64_t ns) {
  duration.set_count(count);
  duration.set_ns(ns);
}

void fill(inference::StatisticDuration& duration, const CountedTime& time) {
  fill(duration, time.count, time.ns);
}

void fill(inference::InferStatistics& stats, const ModelStats& model) {
  const std::uint64_t computed = model.success - std::min(model.success, model.cache_hit.count);
  fill(*stats.mutable_success(), model.success, model.request_ns.sum);
  fill(*stats.mutable_fail(), failures_of(model), model.failure_ns);
  fill(*stats.mutable_queue(), model.success, model.queue_ns.sum);
  fill(*stats.mutable_compute_input(), computed, model.per_request.input_ns);
  fill(*stats.mutable_compute_infer(), computed, model.per_request.infer_ns);
  fill(*stats.mutable_compute_output(), computed, model.per_request.output_ns);
  fill(*stats.mutable_cache_hit(), model.cache_hit);
  fill(*stats.mutable_cache_miss(), model.cache_miss);
}

void fill(inference::InferBatchStatistics& stats, const BatchStats& batch) {
  stats.set_batch_size(batch.rows);
  fill(*stats.mutable_compute_input(), batch.executions, batch.input_ns);
  fill(*stats.mutable_compute_infer(), batch.executions, batch.infer_ns);
  fill(*stats.mutable_compute_output(), batch.executions, batch.output_ns);
}

void fill(inference::InferResponseStatistics& stats, const ResponseStats& response) {
  fill(*stats.mutable_compute_infer(), response.compute_infer);
  fill(*stats.mutable_compute_output(), response.compute_output);
  fill(*stats.mutable_success(), response.success);
  fill(*stats.mutable_fail(), response.fail);
  fill(*stats.mutable_empty_response(), response.empty);
  fill(*stats.mutable_cancel(), response.cancel);
}

inference::ModelStatisticsResponse describe(std::span<const ModelStats> models) {
  inference::ModelStatisticsResponse reply;
  for (const ModelStats& model : models) {
    auto& stats = *reply.add_model_stats();
    stats.set_name(model.name);
    stats.set_version(std::to_string(model.version));
    stats.set_last_inference(model.last_inference_ms);
    stats.set_inference_count(model.inferences);
    stats.set_execution_count(model.executions);
    fill(*stats.mutable_inference_stats(), model);
    for (const BatchStats& batch : model.batches) fill(*stats.add_batch_stats(), batch);
    for (std::size_t i = 0; i < model.responses.size(); ++i) {
      fill((*stats.mutable_response_stats())[std::to_string(i)], model.responses[i]);
    }
  }
  return reply;
}

void write(JsonWriter& json, std::string_view key, const inference::StatisticDuration& duration) {
  json.key(key).object().key("count").integer(static_cast<std::int64_t>(duration.count()));
  json.key("ns").integer(static_cast<std::int64_t>(duration.ns())).end_object();
}

void write(JsonWriter& json, const inference::InferStatistics& stats) {
  json.key("inference_stats").object();
  write(json, "success", stats.success());
  write(json, "fail", stats.fail());
  write(json, "queue", stats.queue());
  write(json, "compute_input", stats.compute_input());
  write(json, "compute_infer", stats.compute_infer());
  write(json, "compute_output", stats.compute_output());
  write(json, "cache_hit", stats.cache_hit());
  write(json, "cache_miss", stats.cache_miss());
  json.end_object();
}

void write(JsonWriter& json, const inference::InferResponseStatistics& stats) {
  json.object();
  write(json, "compute_infer", stats.compute_infer());
  write(json, "compute_output", stats.compute_output());
  write(json, "success", stats.success());
  write(json, "fail", stats.fail());
  write(json, "empty_response", stats.empty_response());
  write(json, "cancel", stats.cancel());
  json.end_object();
}

void write(JsonWriter& json, const inference::ModelStatistics& model) {
  json.object().key("name").string(model.name()).key("version").string(model.version());
  json.key("last_inference").integer(static_cast<std::int64_t>(model.last_inference()));
  json.key("inference_count").integer(static_cast<std::int64_t>(model.inference_count()));
  json.key("execution_count").integer(static_cast<std::int64_t>(model.execution_count()));
  write(json, model.inference_stats());
  json.key("response_stats").object();
  // By number: a map of texts would put 10 before 2.
  for (int i = 0; i < model.response_stats_size(); ++i) {
    const std::string number = std::to_string(i);
    json.key(number);
    write(json, model.response_stats().at(number));
  }
  json.end_object();
  json.key("batch_stats").array();
  for (const auto& batch : model.batch_stats()) {
    json.object().key("batch_size").integer(static_cast<std::int64_t>(batch.batch_size()));
    write(json, "compute_input", batch.compute_input());
    write(json, "compute_infer", batch.compute_infer());
    write(json, "compute_output", batch.compute_output());
    json.end_object();
  }
  json.end_array().key("memory_usage").array().end_array().end_object();
}

}  // namespace

Result<std::vector<ModelStats>> select_statistics(const Engine& engine, const std::string& name,
                                                  std::string_view version) {
  const auto number = parse_model_version(version);
  if (!number.ok()) return number.status();
  std::vector<ModelStats> models = engine.stats().models;
  std::ranges::sort(models, [](const ModelStats& a, const ModelStats& b) {
    return std::tie(a.name, a.version) < std::tie(b.name, b.version);
  });
  if (name.empty()) return models;
  std::erase_if(models, [&](const ModelStats& model) { return model.name != name; });
  if (models.empty()) {
    return Status::invalid_argument("requested model '" + name + "' is not available");
  }
  if (*number == kAnyVersion) return models;
  std::erase_if(models, [&](const ModelStats& model) { return model.version != *number; });
  if (!models.empty()) return models;
  return Status::invalid_argument("requested model version is not available for model '" + name +
                                  "'");
}

std::string statistics_json(std::span<const ModelStats> models) {
  const inference::ModelStatisticsResponse reply = describe(models);
  JsonWriter json;
  json.object().key("model_stats").array();
  for (const auto& model : reply.model_stats()) write(json, model);
  json.end_array().end_object();
  return json.take();
}

std::string statistics_proto(std::span<const ModelStats> models) {
  return describe(models).SerializeAsString();
}

}  // namespace mlops
