// The endpoints that answer at once, and the tables of both HTTP ports.

#include "http/http_service.h"
#include "http/routes.h"
#include "protocol/http_infer.h"
#include "protocol/metadata_json.h"
#include "protocol/model_version.h"
#include "protocol/status_map.h"

namespace mlops {
namespace {

HttpAnswer failure(const Status& status) {
  return {.status = http_status(status.code()), .body = encode_http_error(status, {})};
}

Result<ModelInfo> find_model(const HttpService& service, const HttpPathParts& parts) {
  std::string name;
  if (!percent_decode(parts.model, name)) {
    return Status::invalid_argument("malformed percent-encoding in the model name");
  }
  const Result<std::int64_t> version = parse_model_version(parts.version);
  if (!version.ok()) return version.status();
  return service.engine.info(name, *version);
}

HttpAnswer server_metadata(const HttpService& service, const HttpPathParts&) {
  return {.body = server_metadata_json(service.facts)};
}

HttpAnswer server_live(const HttpService&, const HttpPathParts&) {
  return {.body = R"({"live":true})"};
}

// Triton sends 400 without a body, KServe's client reads "ready" from the body: this serves both.
HttpAnswer readiness(bool ready) {
  if (ready) return {.body = R"({"ready":true})"};
  return {.status = 400, .body = R"({"ready":false})"};
}

HttpAnswer server_ready(const HttpService& service, const HttpPathParts&) {
  return readiness(service.state.ready(service.engine));
}

HttpAnswer model_ready(const HttpService& service, const HttpPathParts& parts) {
  return readiness(!service.state.draining() && find_model(service, parts).ok());
}

HttpAnswer model_metadata(const HttpService& service, const HttpPathParts& parts) {
  const Result<ModelInfo> info = find_model(service, parts);
  return info.ok() ? HttpAnswer{.body = model_metadata_json(*info)} : failure(info.status());
}

HttpAnswer model_config(const HttpService& service, const HttpPathParts& parts) {
  const Result<ModelInfo> info = find_model(service, parts);
  return info.ok() ? HttpAnswer{.body = model_config_json(*info)} : failure(info.status());
}

HttpAnswer repository_index(const HttpService& service, const HttpPathParts&) {
  const std::vector<ModelInfo> models = service.engine.models();
  return {.body = repository_index_json(models)};
}

HttpAnswer metrics(const HttpService& service, const HttpPathParts&) {
  return {.body = service.metrics_page(),
          .content_type = "text/plain; version=0.0.4; charset=utf-8"};
}

constexpr HttpMethod kGet = HttpMethod::get;
constexpr HttpMethod kPost = HttpMethod::post;
constexpr HttpRouteEntry kInferenceRoutes[] = {
    {kPost, "/v2/models/{m}/infer", HttpRoute::infer, nullptr},
    {kPost, "/v2/models/{m}/versions/{v}/infer", HttpRoute::infer, nullptr},
    {kGet, "/v2/health/live", HttpRoute::server_live, server_live},
    {kGet, "/v2/health/ready", HttpRoute::server_ready, server_ready},
    {kGet, "/v2/models/{m}/ready", HttpRoute::model_ready, model_ready},
    {kGet, "/v2/models/{m}/versions/{v}/ready", HttpRoute::model_ready, model_ready},
    {kGet, "/v2/models/{m}", HttpRoute::model_metadata, model_metadata},
    {kGet, "/v2/models/{m}/versions/{v}", HttpRoute::model_metadata, model_metadata},
    {kGet, "/v2/models/{m}/config", HttpRoute::model_config, model_config},
    {kGet, "/v2/models/{m}/versions/{v}/config", HttpRoute::model_config, model_config},
    {kPost, "/v2/repository/index", HttpRoute::repository_index, repository_index},
    {kGet, "/v2", HttpRoute::server_metadata, server_metadata},
};
constexpr HttpRouteEntry kMetricsRoutes[] = {
    {kGet, "/metrics", HttpRoute::metrics, metrics},
};

}  // namespace

std::span<const HttpRouteEntry> inference_routes() { return kInferenceRoutes; }
std::span<const HttpRouteEntry> metrics_routes() { return kMetricsRoutes; }

}  // namespace mlops
