#pragma once
// One gRPC call on one HTTP/2 stream: what is known of the request, and what is left of the reply.
// Belongs to its connection.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "access/audit.h"
#include "access/principal.h"
#include "access/restricted_calls.h"
#include "base/clock.h"
#include "grpc/infer_stream.h"
#include "grpc/message_assembler.h"
#include "grpc/reply_body.h"
#include "net/call.h"
#include "net/errand.h"
#include "protocol/compression.h"
#include "protocol/grpc_cold.h"
#include "protocol/output_plan.h"
#include "protocol/request_line.h"

namespace mlops {

struct GrpcStream;

class GrpcCall final : public Call {
 public:
  GrpcCall(CallOwner& owner, Turn& turn, GrpcStream& of) : Call(owner, turn), stream(&of) {}
  GrpcStream* stream;  // not to be used once abandoned
  OutputPlan outputs;
};

// A method that blocks, run aside.
class GrpcErrand final : public Errand {
 public:
  GrpcErrand(ErrandOwner& owner, Turn& turn, GrpcStream& of, const ServerParts& parts,
             GrpcMethod method, std::string&& message)
      : Errand(owner, turn),
        stream(&of),
        parts_(parts),
        method_(method),
        message_(std::move(message)) {}
  GrpcStream* stream;  // not to be used once abandoned
  Result<std::string> answer = Status::internal("the call did not run");  // once done
  AuditSink* audit = nullptr;  // null: not to be written down
  std::optional<AuditRecord> audited;

 private:
  void work() noexcept override;

  const ServerParts& parts_;
  GrpcMethod method_;
  std::string message_;
};

// What the headers said, as far as it matters.
struct GrpcRequestHead {
  std::size_t bytes = 0;
  bool is_post = false;
  bool is_grpc = false;  // content-type
  bool timeout_malformed = false;
  bool errors_end = false;                            // triton_grpc_error
  std::optional<Coding> encoding = Coding::identity;  // of its messages; nullopt: unknown
  bool accepts_gzip = false;                          // in the reply
  bool accepts_deflate = false;
  std::optional<GrpcMethod> method;
  std::optional<Duration> timeout;
  std::string traceparent;  // W3C Trace Context, as sent
  std::string tracestate;
  bool complete = false;          // all of them have come
  bool too_large = false;         // what did not fit is not in here
  bool authorized_twice = false;  // more than one Authorization header
  bool has_authorization = false;
  PrincipalRef principal;            // whose it is; null: nobody's
  std::string principal_refusal;     // why it is nobody's
  RestrictedCalls::Shown shown = 0;  // keys of restricted calls
};

struct GrpcStream {
  std::int32_t id = 0;
  std::size_t index = 0;  // in the connection's table
  GrpcRequestHead head;
  TimePoint receiving_since{};
  TimePoint message_since{};  // its headers were complete
  std::size_t receiving_bytes = 0;
  MessageAssembler message;
  bool request_ended = false;  // END_STREAM was received
  bool replied = false;        // a response was submitted; the rest of the request is dropped

  Ref<GrpcCall> call;
  Ref<GrpcErrand> errand;
  std::unique_ptr<InferStream> infer;  // ModelStreamInfer
  std::size_t unconsumed = 0;          // bytes of it that the sender has no window for yet
  std::unique_ptr<RequestLine> line;   // null unless every request is logged
  ReplyBody reply;
  bool streams = false;   // Health.Watch: more messages may follow
  bool deferred = false;  // the reply waits for more
  std::string watched;    // the service a Watch asks about
  ServingStatus watched_status = ServingStatus::unknown;
};

}  // namespace mlops
