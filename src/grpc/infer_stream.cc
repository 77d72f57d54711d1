#include "grpc/infer_stream.h"

#include <algorithm>

#include "access/gate.h"
#include "net/route_headers.h"
#include "protocol/grpc_infer.h"

namespace mlops {
namespace {

// Takes the parameter by which a client asks to be told of an end without outputs.
bool take_empty_final(Request& request) {
  const auto found =
      std::ranges::find(request.parameters, "triton_enable_empty_final_response", &Parameter::name);
  if (found == request.parameters.end()) return false;
  const bool* wanted = std::get_if<bool>(&found->value);
  const bool empty_final = wanted && *wanted;
  request.parameters.erase(found);
  return empty_final;
}

}  // namespace

class InferStream::StreamCall final : public PartedCall {
 public:
  using PartedCall::PartedCall;
  bool empty_final = false;  // the client wants to hear of the end even if it carries nothing
  bool ready = false;        // is in ready_
  OutputPlan outputs;
};

InferStream::InferStream(InferStreamOwner& owner, Turn& turn, const GrpcService& service,
                         std::int32_t id, const Options& options)
    : owner_(owner), turn_(turn), service_(service), id_(id), options_(options) {}

InferStream::~InferStream() { cancel_all(); }

void InferStream::cancel_all() {
  for (StreamCall* call : calls_) {
    if (call->abandon()) turn_.stats.calls_abandoned.add(1);
  }
  for (StreamCall* call : calls_) call->drop_ref();
  calls_.clear();
  ordered_.clear();
  ready_.clear();
}

void InferStream::received(std::span<const std::byte> bytes, const Buffer& chunk) {
  while (taking_ && !bytes.empty()) {
    if (message_.empty()) {
      receiving_since_ = turn_.now;
      receiving_bytes_ = 0;
    }
    const Result<std::size_t> taken =
        message_.take(bytes, chunk, service_.limits.message_bytes_max, service_.bodies,
                      service_.parts.engine.copies());
    if (!taken.ok()) return end(taken.status());
    receiving_bytes_ += *taken;
    bytes = bytes.subspan(*taken);
    if (!message_.complete()) continue;
    MessageAssembler whole = std::exchange(message_, MessageAssembler());
    receiving_since_ = kNever;
    if (whole.compressed()) {
      Status plain =
          whole.decompress(options_.encoding, service_.limits.message_bytes_max, service_.bodies);
      if (!plain.ok()) return end(std::move(plain));
    }
    request(whole.message(), whole.owner());
  }
}

void InferStream::request(std::span<const std::byte> message, const Buffer& owner) {
  GrpcInferCall wire;
  wire.shared_memory = service_.parts.shared_memory;
  Status decoded = decode_grpc_infer(owner, message, service_.decode_limits,
                                     service_.parts.engine.copies(), wire);
  const auto call = make_ref<StreamCall>(*this, turn_);
  call->empty_final = take_empty_final(wire.request);
  call->request = std::move(wire.request);
  call->outputs = std::move(wire.outputs);
  call->request.timeout_us = wire.timeout_us;
  call->request.deadline = options_.deadline;
  take_route_headers(service_.parts.engine, call->request, next_of(options_.headers));
  if (decoded.ok() && service_.parts.trace) {
    TraceDecision decision = service_.parts.trace->decide(call->request.model, options_.traceparent,
                                                          options_.tracestate);
    if (decision.traced) {
      call->start_trace(std::min(receiving_since_, turn_.now), turn_.now, std::move(decision));
    }
  }
  calls_.insert(CallRef(call).release());
  ordered_.push_back(call);
  if (const Judgement counted = Gate::count(options_.principal, turn_.now); !counted.granted()) {
    decoded = Status::resource_exhausted(counted.text);
  }
  if (decoded.ok()) {
    turn_.drained.push_back(call);
  } else {
    call->fail(std::move(decoded));
  }
}

void InferStream::request_ended() {
  if (!message_.empty()) return end(Status::internal("the stream ended inside a message"));
  taking_ = false;
  owner_.stream_progressed(*this);
}

void InferStream::drain() {
  if (!taking_) return;
  taking_ = false;
  status_ = Status::unavailable("the server is shutting down");
  owner_.stream_progressed(*this);
}

void InferStream::end(Status status) {
  cancel_all();
  taking_ = false;
  status_ = std::move(status);
  owner_.stream_progressed(*this);
}

void InferStream::call_progressed(PartedCall& call) noexcept {
  auto& progressed = static_cast<StreamCall&>(call);
  if (progressed.decoupled) make_ready(CallRef::share(&progressed));
  settle_order();
  owner_.stream_progressed(*this);
}

void InferStream::make_ready(CallRef call) {
  if (std::exchange(call->ready, true)) return;
  if (ready_.empty()) unread_since_ = turn_.now;
  ready_.push_back(std::move(call));
}

bool InferStream::settle() {
  const bool had = !ready_.empty();
  settle_order();
  return !had && !ready_.empty();
}

// Whether a call is decoupled is known once it is submitted, so they leave the order here.
void InferStream::settle_order() {
  while (!ordered_.empty()) {
    const CallRef& first = ordered_.front();
    if (!first->decoupled) {
      if (!first->answered()) return;
      make_ready(first);
    }
    ordered_.pop_front();
  }
}

bool InferStream::next_message(ReplyBody& body) {
  settle_order();
  while (!ready_.empty()) {
    const CallRef call = std::move(ready_.front());
    ready_.pop_front();
    call->ready = false;
    unread_since_ = turn_.now;
    const bool written = write(*call, body);
    if (calls_.contains(call.get()) && call->has_news()) make_ready(call);  // behind the others
    if (written) return true;
  }
  return false;
}

bool InferStream::write(StreamCall& call, ReplyBody& body) {
  if (std::optional<Response> part = call.take_part()) {
    const Status finished =
        finish_outputs(service_.parts.engine, call.outputs, service_.parts.engine.copies(), *part);
    Result<GrpcInferReply> message =
        finished.ok() ? encode_grpc_stream_infer(std::move(*part), false) : finished;
    if (message.ok()) {
      body.set(std::move(*message));
      return true;
    }
    call.fail(message.status());  // the answer that take_answer() gives once no part is left
    return false;
  }
  std::optional<Response> answer = call.take_answer();
  if (!answer) return false;
  const bool written = write_last(call, std::move(*answer), body);
  if (calls_.erase(&call) > 0) {
    // The answer may have been posted while the part before it was taken: that letter is still on
    // its way, and may come when the stream is gone.
    call.abandon();
    call.drop_ref();
  }
  return written;
}

bool InferStream::write_last(StreamCall& call, Response&& answer, ReplyBody& body) {
  if (!call.trace()) return write_answer(call, std::move(answer), body);
  TraceRecord record = record_of(*call.trace(), call, answer, "GRPC");
  // An error may end the stream, and the call with it.
  const CallRef held = CallRef::share(&call);
  const bool written = write_answer(call, std::move(answer), body);
  write_record(service_.parts.traces, std::move(record));
  return written;
}

bool InferStream::write_answer(StreamCall& call, Response&& answer, ReplyBody& body) {
  if (answer.status.ok()) {
    answer.status =
        finish_outputs(service_.parts.engine, call.outputs, service_.parts.engine.copies(), answer);
  }
  if (!answer.status.ok() && options_.errors_end) {
    end(answer.status);
    return false;
  }
  if (answer.status.ok() && call.decoupled && !call.empty_final) return false;
  Response head = Response::failure(call.request, {});
  head.version = answer.version;
  Result<GrpcInferReply> message = encode_grpc_stream_infer(std::move(answer), true);
  if (!message.ok()) {
    head.status = message.status();
    message = encode_grpc_stream_infer(std::move(head), true);
  }
  body.set(std::move(*message));
  return true;
}

bool InferStream::finished() const { return !taking_ && calls_.empty(); }

}  // namespace mlops
