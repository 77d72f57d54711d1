#include "http/handlers.h"
#include "protocol/execution_json.h"

namespace mlops {

HttpAnswer model_execution(const HttpService& service, const HttpAsk& ask) {
  const Result<ModelInfo> info = find_model(service, ask);
  return info.ok() ? HttpAnswer{.body = execution_json(*info)} : failure(info.status());
}

}  // namespace mlops
