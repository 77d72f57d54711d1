// The part of GrpcConnection that asks who asks, and whether they may.

#include "grpc/grpc_connection.h"
#include "grpc/grpc_names.h"
#include "protocol/grpc_subject.h"
#include "protocol/status_map.h"

namespace mlops {

void GrpcErrand::work() noexcept {
  answer = answer_grpc_cold(method_, message_, parts_);
  if (!audit || !audited) return;
  audited->result = grpc_status_name(static_cast<std::size_t>(grpc_status(answer.status().code())));
  audit->record(*audited);
}

void GrpcConnection::identify(GrpcStream& stream) {
  if (stream.head->authorized_twice) {
    stream.principal_refusal = "more than one Authorization header";
  } else if (!stream.head->has_authorization) {
    stream.principal_refusal = "this call needs a token";
  } else {
    stream.principal = credentials_.identify(stream.head->authorization, link_.turn().now,
                                             stream.principal_refusal);
  }
}

// False: it is refused. Before any of its messages have come. Nobody asks later whose an inference
// was, so one like the last is not told.
bool GrpcConnection::permit(GrpcStream& stream) {
  const bool by_token_alone = service_.gate.access() && !service_.gate.restricted() &&
                              *stream.head->method == GrpcMethod::model_infer;
  if (by_token_alone && stream.head == granted_ && credentials_.spend(link_.turn().now)) {
    return true;
  }
  const bool granted = judge(stream);
  granted_ = granted && by_token_alone ? stream.head : nullptr;
  return granted;
}

bool GrpcConnection::judge(GrpcStream& stream) {
  if (service_.gate.access()) identify(stream);
  const ServerCall call = call_of(*stream.head->method);
  ShownKeys keys = service_.gate.keys();
  if (keys.of) {
    for (const auto& [name, value] : stream.head->keys) keys.show(name, value);
  }
  Judgement judgement = service_.gate.admit(call, stream.principal, stream.principal_refusal, keys);
  // A stream's messages are counted one by one; see infer_stream.cc.
  const bool counted =
      service_.gate.counts(call) && *stream.head->method != GrpcMethod::model_stream_infer;
  if (judgement.granted() && counted) {
    judgement = Gate::count(stream.principal, link_.turn().now);
  }
  if (judgement.granted()) return true;
  if (std::optional<AuditRecord> record = audit_record(stream)) {
    record->result = grpc_status_name(static_cast<std::size_t>(judgement.grpc_status()));
    service_.audit->record_refused(*record, link_.turn().now);
  }
  refuse_with(stream, judgement.grpc_status(), judgement.text);
  return false;
}

// Of a call that is to be written down, as far as it is known.
std::optional<AuditRecord> GrpcConnection::audit_record(const GrpcStream& stream) const {
  const ServerCall call = call_of(*stream.head->method);
  if (!service_.audit || !rule_of(call).administrative) return std::nullopt;
  const std::span<const std::byte> bytes = stream.message.message();
  return AuditRecord{
      .call = call,
      .door = "grpc",
      .who = stream.principal ? stream.principal->name : std::string(),
      .peer_name = link_.peer_name(),
      .address = link_.peer_address(),
      .target = grpc_subject(*stream.head->method,
                             {reinterpret_cast<const char*>(bytes.data()), bytes.size()}),
      .result = {}};
}

}  // namespace mlops
