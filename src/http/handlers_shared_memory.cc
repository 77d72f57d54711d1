#include "http/handlers.h"

namespace mlops {
namespace {}  // namespace

HttpAnswer system_memory_status(const HttpService& service, const HttpAsk& ask) {
  if (!service.parts.shared_memory) {
    return ask.region.empty() ? HttpAnswer{.body = "[]"} : failure(unknown_region(ask.region));
  }
  const auto regions = service.parts.shared_memory->status(ask.region);
  return regions.ok() ? HttpAnswer{.body = shared_status_json(*regions)}
                      : failure(regions.status());
}

HttpAnswer system_memory_register(const HttpService& service, const HttpAsk& ask) {
  if (!service.parts.shared_memory) return failure(shared_memory_disabled());
  const Result<SharedRegion> region = parse_shared_registration(ask.region, ask.text());
  if (!region.ok()) return failure(region.status());
  return answer_done(service.parts.shared_memory->add(*region));
}

// Clients clean up before they begin: with nothing registered, that is answer_done.
HttpAnswer system_memory_unregister(const HttpService& service, const HttpAsk& ask) {
  if (!service.parts.shared_memory) {
    return ask.region.empty() ? HttpAnswer{} : failure(shared_memory_disabled());
  }
  SharedMemory& memory = *service.parts.shared_memory;
  return answer_done(ask.region.empty() ? memory.remove_all() : memory.remove(ask.region));
}

HttpAnswer cuda_memory_status(const HttpService&, const HttpAsk& ask) {
  if (ask.region.empty()) return {.body = "[]"};
  return failure(Status::not_found("Unable to find cuda shared memory region: '" +
                                   ask.region.substr(0, 256) + "'"));
}

HttpAnswer cuda_memory_register(const HttpService&, const HttpAsk& ask) {
  if (ask.region.empty()) {
    return failure(Status::invalid_argument(
        "'region name' is necessary to register cuda shared memory region"));
  }
  return failure(check_cuda_registration(ask.region, ask.text()));
}

HttpAnswer cuda_memory_unregister(const HttpService&, const HttpAsk&) { return {}; }

}  // namespace mlops
