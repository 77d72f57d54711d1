#include "grpc/grpc_stream.h"

namespace mlops {

Ref<GrpcCall> GrpcCall::make(CallOwner& owner, Turn& turn, GrpcStream& of) {
  GrpcCall* call = SpareCalls<GrpcCall>::take();
  if (!call) return Ref<GrpcCall>::adopt(new GrpcCall(owner, turn, of));
  call->revive();
  call->begin(owner, turn);
  call->stream = &of;
  return Ref<GrpcCall>::adopt(call);
}

void GrpcCall::renew() {
  Call::renew();
  stream = nullptr;
  outputs.renew();
}

void GrpcCall::last_ref_gone() {
  if (!SpareCalls<GrpcCall>::keep(*this)) delete this;
}

void GrpcStream::renew() {
  reply.room().clear();
  GrpcInferReply room = std::move(reply.room());
  *this = GrpcStream();
  reply.room() = std::move(room);
}

}  // namespace mlops
