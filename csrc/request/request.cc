#include "request/request.h"

namespace mlops {

Response Response::failure(const Request& request, Status why) {
  Response response;
  response.status = std::move(why);
  response.model = request.model;
  response.version = request.version;
  response.id = request.id;
  return response;
}

}  // namespace mlops
