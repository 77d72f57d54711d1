#pragma once
// One gRPC call on one HTTP/2 stream: what is known of the request, and what is left of the reply.
// Belongs to its connection.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"
#include "grpc/message_assembler.h"
#include "grpc/reply_body.h"
#include "net/call.h"
#include "protocol/grpc_cold.h"

namespace mlops {

struct GrpcStream;

class GrpcCall final : public Call {
 public:
  GrpcCall(CallOwner& owner, Turn& turn, GrpcStream& of) : Call(owner, turn), stream(&of) {}
  GrpcStream* stream;  // not to be used once abandoned
};

// What the headers said, as far as it matters.
struct GrpcRequestHead {
  std::size_t bytes = 0;
  bool is_post = false;
  bool is_grpc = false;  // content-type
  bool timeout_malformed = false;
  std::optional<GrpcMethod> method;
  std::optional<Duration> timeout;
};

struct GrpcStream {
  std::int32_t id = 0;
  std::size_t index = 0;  // in the connection's table
  GrpcRequestHead head;
  TimePoint receiving_since{};
  std::size_t receiving_bytes = 0;
  MessageAssembler message;
  bool request_ended = false;  // END_STREAM was received
  bool replied = false;        // a response was submitted; the rest of the request is dropped

  Ref<GrpcCall> call;
  ReplyBody reply;
  bool streams = false;   // Health.Watch: more messages may follow
  bool deferred = false;  // the reply waits for more
  std::string watched;    // the service a Watch asks about
  ServingStatus watched_status = ServingStatus::unknown;
};

}  // namespace mlops
