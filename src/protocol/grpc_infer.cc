#include "protocol/grpc_infer.h"

namespace mlops {

Status decode_grpc_infer(Buffer, std::span<const std::byte>, const DecodeLimits&, CopyMeter&,
                         GrpcInferCall&) {
  return Status::unimplemented("in progress");
}
Result<GrpcInferReply> encode_grpc_infer(const Response&) {
  return Status::unimplemented("in progress");
}

}  // namespace mlops
