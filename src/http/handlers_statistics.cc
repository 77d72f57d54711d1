#include "http/handlers.h"
#include "protocol/statistics.h"

namespace mlops {

HttpAnswer model_statistics(const HttpService& service, const HttpAsk& ask) {
  const auto models = select_statistics(service.parts.engine, ask.model, ask.version);
  return models.ok() ? HttpAnswer{.body = statistics_json(*models)} : failure(models.status());
}

}  // namespace mlops
