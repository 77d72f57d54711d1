#include "http/handlers.h"
#include "protocol/cache_json.h"
#include "protocol/model_version.h"

namespace mlops {

HttpAnswer cache_report(const HttpService& service, const HttpAsk& /*ask*/) {
  return {.body = cache_json(service.parts.engine.stats())};
}

HttpAnswer cache_flush(const HttpService& service, const HttpAsk& ask) {
  const Result<std::int64_t> version = parse_model_version(ask.version);
  if (!version.ok()) return failure(version.status());
  return answer_done(service.parts.engine.flush_response_cache(ask.model, *version));
}

}  // namespace mlops
