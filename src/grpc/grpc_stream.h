#pragma once
// One gRPC call on one HTTP/2 stream: what is known of the request, and what is left of the reply.
// Belongs to its connection.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "access/audit.h"
#include "access/principal.h"
#include "base/clock.h"
#include "grpc/grpc_head.h"
#include "grpc/infer_stream.h"
#include "grpc/message_assembler.h"
#include "grpc/reply_body.h"
#include "h2/http2_stream.h"
#include "net/call.h"
#include "net/errand.h"
#include "net/spare_calls.h"
#include "protocol/compression.h"
#include "protocol/grpc_cold.h"
#include "protocol/output_plan.h"
#include "protocol/request_line.h"

namespace mlops {

struct GrpcStream;

class GrpcCall final : public Call {
 public:
  static Ref<GrpcCall> make(CallOwner& owner, Turn& turn, GrpcStream& of);

  GrpcStream* stream;  // not to be used once abandoned
  OutputPlan outputs;

 private:
  friend class SpareCalls<GrpcCall>;

  GrpcCall(CallOwner& owner, Turn& turn, GrpcStream& of) : Call(owner, turn), stream(&of) {}
  void renew();
  void last_ref_gone() override;
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

struct GrpcStream : Http2Stream {
  std::size_t index = 0;          // in the connection's table
  Ref<const GrpcHead> head;       // null: its headers have not come
  PrincipalRef principal;         // whose it is; null: nobody's
  std::string principal_refusal;  // why it is nobody's
  TimePoint receiving_since{};
  TimePoint message_since{};  // its headers were complete
  std::size_t receiving_bytes = 0;
  MessageAssembler message;
  bool replied = false;  // a response was submitted; the rest of the request is dropped

  Ref<GrpcCall> call;
  Ref<GrpcErrand> errand;
  std::unique_ptr<InferStream> infer;  // ModelStreamInfer
  std::size_t unconsumed = 0;          // bytes of it that the sender has no window for yet
  std::unique_ptr<RequestLine> line;   // null unless every request is logged
  ReplyBody reply;
  bool streams = false;  // Health.Watch: more messages may follow
  std::string watched;   // the service a Watch asks about
  ServingStatus watched_status = ServingStatus::unknown;

  void renew();  // as it was made, but for memory that it has
};

}  // namespace mlops
