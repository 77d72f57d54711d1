#include "http/handlers.h"
#include "protocol/metadata_json.h"

namespace mlops {

HttpAnswer repository_index(const HttpService& service, const HttpAsk&) {
  const std::vector<ModelInfo> models = service.parts.engine.models();
  return {.body = repository_index_json(models)};
}

}  // namespace mlops
