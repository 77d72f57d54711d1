// The tables of both HTTP ports, and what their handlers share.

#include "http/handlers.h"

#include "protocol/http_infer.h"
#include "protocol/model_version.h"
#include "protocol/status_map.h"

namespace mlops {
namespace {

constexpr HttpMethod kGet = HttpMethod::get;
constexpr HttpMethod kPost = HttpMethod::post;
constexpr HttpMethod kPut = HttpMethod::put;
constexpr HttpMethod kDelete = HttpMethod::delete_;
constexpr HttpRuns kAside = HttpRuns::aside;
constexpr HttpRouteEntry kInferenceRoutes[] = {
    {kPost, "/v2/models/{m}/infer", HttpRoute::infer, ServerCall::infer, nullptr},
    {kPost, "/v2/models/{m}/versions/{v}/infer", HttpRoute::infer, ServerCall::infer, nullptr},
    {kPost, "/v2/models/{m}/generate", HttpRoute::generate, ServerCall::infer, nullptr},
    {kPost, "/v2/models/{m}/versions/{v}/generate", HttpRoute::generate, ServerCall::infer,
     nullptr},
    {kPost, "/v2/models/{m}/generate_stream", HttpRoute::generate_stream, ServerCall::infer,
     nullptr},
    {kPost, "/v2/models/{m}/versions/{v}/generate_stream", HttpRoute::generate_stream,
     ServerCall::infer, nullptr},
    {kGet, "/v2/health/live", HttpRoute::server_live, ServerCall::health, server_live},
    {kGet, "/v2/health/ready", HttpRoute::server_ready, ServerCall::health, server_ready},
    {kGet, "/v2/models/{m}/ready", HttpRoute::model_ready, ServerCall::health, model_ready},
    {kGet, "/v2/models/{m}/versions/{v}/ready", HttpRoute::model_ready, ServerCall::health,
     model_ready},
    {kGet, "/v2/models/stats", HttpRoute::model_statistics, ServerCall::statistics,
     model_statistics},
    {kGet, "/v2/models/{m}/stats", HttpRoute::model_statistics, ServerCall::statistics,
     model_statistics},
    {kGet, "/v2/models/{m}/versions/{v}/stats", HttpRoute::model_statistics, ServerCall::statistics,
     model_statistics},
    {kGet, "/v2/models/{m}", HttpRoute::model_metadata, ServerCall::model_metadata, model_metadata},
    {kGet, "/v2/models/{m}/versions/{v}", HttpRoute::model_metadata, ServerCall::model_metadata,
     model_metadata},
    {kGet, "/v2/models/{m}/config", HttpRoute::model_config, ServerCall::model_config,
     model_config},
    {kGet, "/v2/models/{m}/versions/{v}/config", HttpRoute::model_config, ServerCall::model_config,
     model_config},
    {kPost, "/v2/repository/index", HttpRoute::repository_index, ServerCall::repository_index,
     repository_index, kAside},
    {kPost, "/v2/repository/{r}/index", HttpRoute::repository_index, ServerCall::repository_index,
     repository_index, kAside},
    {kPost, "/v2/repository/models/{m}/load", HttpRoute::repository_load,
     ServerCall::repository_load, repository_load, kAside},
    {kPost, "/v2/repository/models/{m}/unload", HttpRoute::repository_unload,
     ServerCall::repository_unload, repository_unload, kAside},
    {kPost, "/v2/repository/{r}/models/{m}/load", HttpRoute::repository_load,
     ServerCall::repository_load, repository_load, kAside},
    {kPost, "/v2/repository/{r}/models/{m}/unload", HttpRoute::repository_unload,
     ServerCall::repository_unload, repository_unload, kAside},
    {kGet, "/v2", HttpRoute::server_metadata, ServerCall::server_metadata, server_metadata},
    {kGet, "/v2/trace/setting", HttpRoute::trace_setting, ServerCall::trace_read,
     get_trace_setting},
    {kPost, "/v2/trace/setting", HttpRoute::trace_setting, ServerCall::trace_change,
     set_trace_setting},
    {kGet, "/v2/models/{m}/trace/setting", HttpRoute::trace_setting, ServerCall::trace_read,
     get_trace_setting},
    {kPost, "/v2/models/{m}/trace/setting", HttpRoute::trace_setting, ServerCall::trace_change,
     set_trace_setting},
    {kGet, "/v2/logging", HttpRoute::logging, ServerCall::log_read, get_log_settings},
    {kPost, "/v2/logging", HttpRoute::logging, ServerCall::log_change, set_log_settings},
    {kGet, "/v2/systemsharedmemory/status", HttpRoute::shared_memory,
     ServerCall::shared_memory_status, system_memory_status},
    {kGet, "/v2/systemsharedmemory/region/{r}/status", HttpRoute::shared_memory,
     ServerCall::shared_memory_status, system_memory_status},
    {kPost, "/v2/systemsharedmemory/register", HttpRoute::shared_memory,
     ServerCall::shared_memory_register, system_memory_register},
    {kPost, "/v2/systemsharedmemory/region/{r}/register", HttpRoute::shared_memory,
     ServerCall::shared_memory_register, system_memory_register},
    {kPost, "/v2/systemsharedmemory/unregister", HttpRoute::shared_memory,
     ServerCall::shared_memory_unregister, system_memory_unregister},
    {kPost, "/v2/systemsharedmemory/region/{r}/unregister", HttpRoute::shared_memory,
     ServerCall::shared_memory_unregister, system_memory_unregister},
    {kGet, "/v2/cudasharedmemory/status", HttpRoute::shared_memory,
     ServerCall::shared_memory_status, cuda_memory_status},
    {kGet, "/v2/cudasharedmemory/region/{r}/status", HttpRoute::shared_memory,
     ServerCall::shared_memory_status, cuda_memory_status},
    {kPost, "/v2/cudasharedmemory/register", HttpRoute::shared_memory,
     ServerCall::shared_memory_register, cuda_memory_register},
    {kPost, "/v2/cudasharedmemory/region/{r}/register", HttpRoute::shared_memory,
     ServerCall::shared_memory_register, cuda_memory_register},
    {kPost, "/v2/cudasharedmemory/unregister", HttpRoute::shared_memory,
     ServerCall::shared_memory_unregister, cuda_memory_unregister},
    {kPost, "/v2/cudasharedmemory/region/{r}/unregister", HttpRoute::shared_memory,
     ServerCall::shared_memory_unregister, cuda_memory_unregister},
    {kGet, "/mlops/v1/cache", HttpRoute::response_cache, ServerCall::statistics, cache_report},
    {kPost, "/mlops/v1/models/{m}/cache/flush", HttpRoute::response_cache, ServerCall::cache_change,
     cache_flush},
    {kPost, "/mlops/v1/models/{m}/versions/{v}/cache/flush", HttpRoute::response_cache,
     ServerCall::cache_change, cache_flush},
    {kGet, "/mlops/v1/models/{m}/execution", HttpRoute::execution, ServerCall::model_config,
     model_execution},
    {kGet, "/mlops/v1/models/{m}/versions/{v}/execution", HttpRoute::execution,
     ServerCall::model_config, model_execution},
    {kGet, "/mlops/v1/models/{m}/drift", HttpRoute::drift, ServerCall::drift_read, drift_report,
     kAside},
    {kGet, "/mlops/v1/models/{m}/drift/last/{r}", HttpRoute::drift, ServerCall::drift_read,
     drift_report, kAside},
    {kGet, "/mlops/v1/models/{m}/drift/period-before/{r}", HttpRoute::drift, ServerCall::drift_read,
     drift_period_before, kAside},
    {kGet, "/mlops/v1/models/{m}/drift/hours-of-week/{r}", HttpRoute::drift, ServerCall::drift_read,
     drift_hours_of_week, kAside},
    {kGet, "/mlops/v1/models/{m}/drift/decayed/{r}", HttpRoute::drift, ServerCall::drift_read,
     drift_decayed, kAside},
    {kGet, "/mlops/v1/models/{m}/drift/profile", HttpRoute::drift, ServerCall::drift_read,
     drift_profile, kAside},
    {kGet, "/mlops/v1/models/{m}/drift/profile/last/{r}", HttpRoute::drift, ServerCall::drift_read,
     drift_profile, kAside},
    {kGet, "/mlops/v1/models/{m}/drift/alerts", HttpRoute::drift, ServerCall::drift_read,
     drift_alerts, kAside},
    {kGet, "/mlops/v1/models/{m}/drift/alerts/since/{r}", HttpRoute::drift, ServerCall::drift_read,
     drift_alerts, kAside},
    {kPost, "/mlops/v1/models/{m}/drift/reset", HttpRoute::drift, ServerCall::drift_change,
     drift_reset, kAside},
    {kPost, "/mlops/v1/models/{m}/drift/freeze", HttpRoute::drift, ServerCall::drift_change,
     drift_freeze, kAside},
    {kPost, "/mlops/v1/models/{m}/drift/reference", HttpRoute::drift, ServerCall::drift_change,
     drift_reference, kAside},
    {kPost, "/mlops/v1/models/{m}/drift/collect", HttpRoute::drift, ServerCall::drift_change,
     drift_collect, kAside},
    {kGet, "/mlops/v1/models/{m}/versions/{v}/drift", HttpRoute::drift, ServerCall::drift_read,
     drift_report, kAside},
    {kGet, "/mlops/v1/models/{m}/versions/{v}/drift/last/{r}", HttpRoute::drift,
     ServerCall::drift_read, drift_report, kAside},
    {kGet, "/mlops/v1/models/{m}/versions/{v}/drift/period-before/{r}", HttpRoute::drift,
     ServerCall::drift_read, drift_period_before, kAside},
    {kGet, "/mlops/v1/models/{m}/versions/{v}/drift/hours-of-week/{r}", HttpRoute::drift,
     ServerCall::drift_read, drift_hours_of_week, kAside},
    {kGet, "/mlops/v1/models/{m}/versions/{v}/drift/decayed/{r}", HttpRoute::drift,
     ServerCall::drift_read, drift_decayed, kAside},
    {kGet, "/mlops/v1/models/{m}/versions/{v}/drift/profile", HttpRoute::drift,
     ServerCall::drift_read, drift_profile, kAside},
    {kGet, "/mlops/v1/models/{m}/versions/{v}/drift/profile/last/{r}", HttpRoute::drift,
     ServerCall::drift_read, drift_profile, kAside},
    {kGet, "/mlops/v1/models/{m}/versions/{v}/drift/alerts", HttpRoute::drift,
     ServerCall::drift_read, drift_alerts, kAside},
    {kGet, "/mlops/v1/models/{m}/versions/{v}/drift/alerts/since/{r}", HttpRoute::drift,
     ServerCall::drift_read, drift_alerts, kAside},
    {kPost, "/mlops/v1/models/{m}/versions/{v}/drift/reset", HttpRoute::drift,
     ServerCall::drift_change, drift_reset, kAside},
    {kPost, "/mlops/v1/models/{m}/versions/{v}/drift/freeze", HttpRoute::drift,
     ServerCall::drift_change, drift_freeze, kAside},
    {kPost, "/mlops/v1/models/{m}/versions/{v}/drift/reference", HttpRoute::drift,
     ServerCall::drift_change, drift_reference, kAside},
    {kPost, "/mlops/v1/models/{m}/versions/{v}/drift/collect", HttpRoute::drift,
     ServerCall::drift_change, drift_collect, kAside},
    {kPost, "/mlops/v1/models/{m}/feedback", HttpRoute::feedback, ServerCall::feedback,
     give_feedback, kAside},
    {kGet, "/mlops/v1/models/{m}/quality", HttpRoute::feedback, ServerCall::drift_read,
     model_quality, kAside},
    {kGet, "/mlops/v1/models/{m}/quality/last/{r}", HttpRoute::feedback, ServerCall::drift_read,
     model_quality, kAside},
    {kGet, "/mlops/v1/models/{m}/versions/{v}/quality", HttpRoute::feedback, ServerCall::drift_read,
     model_quality, kAside},
    {kGet, "/mlops/v1/models/{m}/versions/{v}/quality/last/{r}", HttpRoute::feedback,
     ServerCall::drift_read, model_quality, kAside},
    {kGet, "/mlops/v1/models/{m}/route", HttpRoute::route, ServerCall::route_read, get_route},
    {kPut, "/mlops/v1/models/{m}/route", HttpRoute::route, ServerCall::route_change, set_route,
     kAside},
    {kDelete, "/mlops/v1/models/{m}/route", HttpRoute::route, ServerCall::route_change, clear_route,
     kAside},
    {kGet, "/mlops/v1/models/{m}/route/explain/{r}", HttpRoute::route, ServerCall::route_read,
     explain_route},
};
constexpr HttpRouteEntry kMetricsRoutes[] = {
    {kGet, "/metrics", HttpRoute::metrics, ServerCall::metrics, metrics},
};

}  // namespace

HttpAnswer error_answer(const Status& status, std::string_view request_id) {
  return {.status = http_status(status.code()), .body = encode_http_error(status, request_id)};
}

HttpAnswer answer_done(const Status& status) {
  return status.ok() ? HttpAnswer{} : failure(status);
}

HttpAnswer failure(const Status& status) {
  return {.status = http_status(status.code()), .body = encode_http_error(status, {})};
}

HttpAnswer run_handler(const HttpService& service, HttpHandler handler, HttpAsk& ask) {
  HttpAnswer answer = handler(service, ask);
  if (ask.audit && service.audit) {
    ask.audit->target = ask.model.empty() ? ask.region : ask.model;
    ask.audit->result = std::to_string(answer.status);
    service.audit->record(*ask.audit);
  }
  return answer;
}

HttpAnswer answer_with(Result<std::string> body) {
  return body.ok() ? HttpAnswer{.body = *std::move(body)} : failure(body.status());
}

Result<ModelInfo> find_model(const HttpService& service, const HttpAsk& ask) {
  const Result<std::int64_t> version = parse_model_version(ask.version);
  if (!version.ok()) return version.status();
  return service.parts.engine.info(ask.model, *version);
}

std::span<const HttpRouteEntry> inference_routes() { return kInferenceRoutes; }
std::span<const HttpRouteEntry> metrics_routes() { return kMetricsRoutes; }

}  // namespace mlops
