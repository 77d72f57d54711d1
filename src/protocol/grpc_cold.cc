#include "protocol/grpc_cold.h"

namespace mlops {

std::optional<GrpcMethod> grpc_method(std::string_view) { return std::nullopt; }
Result<std::string> answer_grpc_cold(GrpcMethod, std::string_view, const Engine&,
                                     const ServerFacts&) {
  return Status::unimplemented("in progress");
}
Result<std::string> decode_health_service(std::string_view) {
  return Status::unimplemented("in progress");
}
ServingStatus health_of(std::string_view, const Engine&) { return ServingStatus::unknown; }
std::string encode_health(ServingStatus) { return {}; }

}  // namespace mlops
