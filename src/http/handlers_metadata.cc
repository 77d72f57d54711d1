#include "http/handlers.h"
#include "protocol/metadata_json.h"

namespace mlops {

HttpAnswer server_metadata(const HttpService& service, const HttpAsk&) {
  return {.body = server_metadata_json(service.parts.facts)};
}

HttpAnswer model_metadata(const HttpService& service, const HttpAsk& ask) {
  const Result<ModelInfo> info = find_model(service, ask);
  return info.ok() ? HttpAnswer{.body = model_metadata_json(*info)} : failure(info.status());
}

HttpAnswer model_config(const HttpService& service, const HttpAsk& ask) {
  const Result<ModelInfo> info = find_model(service, ask);
  return info.ok() ? HttpAnswer{.body = model_config_json(*info)} : failure(info.status());
}

}  // namespace mlops
