#include "http/handlers.h"
#include "protocol/repository_json.h"

namespace mlops {
namespace {

// Neither Triton's protocol nor this server says which of several repositories is meant.
Status no_repository_name(const HttpAsk& ask) {
  if (ask.region.empty()) return {};
  return Status::unimplemented("'repository_name' specification is not supported");
}

}  // namespace

HttpAnswer repository_index(const HttpService& service, const HttpAsk& ask) {
  if (Status s = no_repository_name(ask); !s.ok()) return failure(s);
  const Result<bool> ready_only = decode_index_request(ask.text());
  if (!ready_only.ok()) return failure(ready_only.status());
  return {.body = repository_index_json(index_entries(service.parts, *ready_only))};
}

HttpAnswer repository_load(const HttpService& service, const HttpAsk& ask) {
  if (Status s = no_repository_name(ask); !s.ok()) return failure(s);
  Result<LoadRequest> request = decode_load_request(ask.model, ask.text());
  if (!request.ok()) return failure(request.status());
  return answer_done(load_model(service.parts, *std::move(request)));
}

HttpAnswer repository_unload(const HttpService& service, const HttpAsk& ask) {
  if (Status s = no_repository_name(ask); !s.ok()) return failure(s);
  const Result<bool> dependents = decode_unload_request(ask.text());
  if (!dependents.ok()) return failure(dependents.status());
  return answer_done(unload_model(service.parts, ask.model, *dependents));
}

}  // namespace mlops
