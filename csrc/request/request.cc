#include "request/request.h"

namespace mlops {
namespace {

constexpr std::size_t kKeptElements = 64;
constexpr std::size_t kKeptText = 1024;

// Empties `kept` into `fresh`, which is empty: its memory goes on unless it is unusually much.
template <class List>
void keep_memory(List& kept, List& fresh, std::size_t most) {
  kept.clear();
  if (kept.capacity() <= most) {
    fresh = std::move(kept);
  } else {
    List().swap(kept);  // a text that is assigned a short one would keep its memory
  }
}

}  // namespace

void Request::renew() {
  Request fresh;
  keep_memory(model, fresh.model, kKeptText);
  keep_memory(id, fresh.id, kKeptText);
  keep_memory(inputs, fresh.inputs, kKeptElements);
  keep_memory(outputs, fresh.outputs, kKeptElements);
  keep_memory(parameters, fresh.parameters, kKeptElements);
  keep_memory(headers, fresh.headers, kKeptElements);
  keep_memory(keep_alive, fresh.keep_alive, kKeptElements);
  *this = std::move(fresh);
}

Response Response::failure(const Request& request, Status why) {
  Response response;
  response.status = std::move(why);
  response.model = request.model;
  response.version = request.version;
  response.id = request.id;
  return response;
}

void Response::renew() {
  Response fresh;
  keep_memory(model, fresh.model, kKeptText);
  keep_memory(id, fresh.id, kKeptText);
  keep_memory(outputs, fresh.outputs, kKeptElements);
  keep_memory(parameters, fresh.parameters, kKeptElements);
  *this = std::move(fresh);
}

}  // namespace mlops
