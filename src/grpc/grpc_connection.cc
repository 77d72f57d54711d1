#include "grpc/grpc_connection.h"

#include <algorithm>
#include <array>

#include "base/deadline.h"
#include "grpc/grpc_names.h"
#include "grpc/grpc_text.h"
#include "net/route_headers.h"
#include "protocol/grpc_infer.h"
#include "protocol/status_map.h"

namespace mlops {
namespace {

constexpr std::size_t kSpareStreams = 64;
constexpr std::string_view kAcceptedEncodings = "identity,deflate,gzip";

GrpcStream& grpc(Http2Stream& stream) { return static_cast<GrpcStream&>(stream); }

}  // namespace

std::unique_ptr<Session> GrpcSessionFactory::open(Link& link) {
  return std::make_unique<GrpcConnection>(link, *service_.load(std::memory_order_acquire));
}

GrpcConnection::GrpcConnection(Link& link, const GrpcService& service)
    : link_(link),
      service_(service),
      credentials_(service.gate.access()),
      idle_since_(link.turn().now) {}

GrpcConnection::~GrpcConnection() {
  for (const auto& stream : streams_) let_go(*stream);
}

void GrpcConnection::received(std::span<const std::byte> bytes, const Buffer& chunk) {
  if (closing_) return;
  if (!session_ && !begin_session()) return;
  chunk_ = chunk;
  session_->received(bytes, link_.turn().now);
  chunk_ = nullptr;
  if (session_->bad_preface()) {
    link_.out.append(
        "HTTP/1.1 505 HTTP Version Not Supported\r\nConnection: close\r\nContent-Length: 28\r\n\r\n"
        "this port speaks gRPC only.\n");
    closing_ = true;
    return link_.finish(true);
  }
  link_.touch();
}

bool GrpcConnection::begin_session() {
  const GrpcLimits& limits = service_.limits;
  session_ =
      std::make_unique<Http2Session>(static_cast<Http2Handler&>(*this), link_.out,
                                     Http2Limits{.streams_max = limits.streams_max,
                                                 .header_bytes_max = limits.header_bytes_max,
                                                 .control_frames_max = limits.control_frames_max,
                                                 .out_bytes_max = limits.out_bytes_max});
  if (session_->usable()) return true;
  closing_ = true;
  link_.finish(false);
  return false;
}

void GrpcConnection::resume() {
  if (!session_ || closing_) return;
  if (infer_streams_ > 0) settle_streams();
  session_->write();
  if (session_->over() || (draining_ && streams_.empty())) {
    closing_ = true;
    link_.finish(true);
  }
}

TimePoint GrpcConnection::deadline() const {
  if (!session_) return idle_since_ + service_.timeouts.header;
  return streams_.empty() ? idle_since_ + service_.timeouts.idle : kNever;
}

void GrpcConnection::expired() {
  if (!session_) return;
  session_->fail(Http2Error::none);
  resume();
}

void GrpcConnection::drain() {
  draining_ = true;
  if (!session_) {
    closing_ = true;
    return link_.finish(false);
  }
  for (const auto& stream : streams_) {
    if (stream->infer) stream->infer->drain();
  }
  // Streams above the last one we saw were not processed: clients retry them elsewhere.
  session_->goaway();
  link_.touch();
}

// False when the connection is over.
bool GrpcConnection::tick_receiving(GrpcStream& stream) {
  const TimePoint now = link_.turn().now;
  if (!stream.head_came) {
    if (now < stream.receiving_since + service_.timeouts.header) return true;
    // Nothing but the rest of the block may follow it: nobody on this connection gets any further.
    session_->fail(Http2Error::enhance_your_calm);
    link_.touch();
    return false;
  }
  const auto share = std::chrono::milliseconds(stream.receiving_bytes * 1000 /
                                               service_.timeouts.bytes_per_second_min);
  if (now >= stream.message_since + service_.timeouts.body + share) {
    refuse(stream, Status::deadline_exceeded("the request did not arrive in time"));
  }
  return true;
}

void GrpcConnection::tick() {
  if (!session_) return;
  session_->tick();
  for (std::size_t i = streams_.size(); i-- > 0;) {
    GrpcStream& stream = *streams_[i];
    if (stream.infer) {
      tick_infer_stream(stream);
    } else if (!stream.request_ended && !stream.replied) {
      if (!tick_receiving(stream)) return;
    } else if (stream.streams && watching_ > 0) {
      const ServingStatus status = health(stream.watched);
      if (status == stream.watched_status || stream.reply.left() > 0) continue;
      stream.watched_status = status;
      stream.reply.set_message(encode_health(status));
      session_->more(stream);
      link_.touch();
    }
  }
}

Http2Stream& GrpcConnection::stream_began(std::int32_t id) {
  std::unique_ptr<GrpcStream> stream;
  if (spare_streams_.empty()) {
    stream = std::make_unique<GrpcStream>();
  } else {
    stream = std::move(spare_streams_.back());
    spare_streams_.pop_back();
  }
  stream->id = id;
  stream->index = streams_.size();
  stream->receiving_since = link_.turn().now;
  if (service_.parts.log && service_.parts.log->is_verbose()) {
    stream->line = std::make_unique<RequestLine>();
  }
  streams_.push_back(std::move(stream));
  return *streams_.back();
}

Ref<RequestHead> GrpcConnection::read_head(const FieldList& fields) {
  return make_ref<GrpcHead>(fields);
}

void GrpcConnection::head_came(Http2Stream& http2_stream, const RequestHeadRef& head) {
  GrpcStream& stream = grpc(http2_stream);
  stream.message_since = link_.turn().now;
  stream.head = Ref<const GrpcHead>::share(static_cast<const GrpcHead*>(head.get()));
  const GrpcHead& said = *stream.head;
  if (said.too_large) {
    return refuse(stream, Status::resource_exhausted("the request's headers are too large"));
  }
  if (!said.is_post) return refuse_http(stream, "405");
  if (!said.is_grpc) return refuse_http(stream, "415");
  if (!said.method) return refuse(stream, Status::unimplemented("unknown method"));
  if (service_.gate.closed() && !permit(stream)) return;
  if (said.timeout_malformed) {
    return refuse(stream, Status::internal("malformed grpc-timeout header"));
  }
  if (said.method == GrpcMethod::model_stream_infer) begin_infer_stream(stream);
}

void GrpcConnection::data_came(Http2Stream& http2_stream, std::span<const std::byte> bytes) {
  GrpcStream& stream = grpc(http2_stream);
  if (stream.infer) {
    stream.unconsumed += bytes.size();
    stream.infer->received(bytes, chunk_);
    return open_window(stream);
  }
  session_->consume(stream, bytes.size());
  if (stream.replied) return;
  stream.receiving_bytes += bytes.size();
  const Status status = stream.message.add(bytes, chunk_, service_.limits.message_bytes_max,
                                           service_.bodies, service_.parts.engine.copies());
  if (!status.ok()) refuse(stream, status);
}

void GrpcConnection::request_ended(Http2Stream& http2_stream) {
  GrpcStream& stream = grpc(http2_stream);
  if (stream.infer) return stream.infer->request_ended();
  if (stream.replied) return;
  if (!stream.message.complete()) {
    return refuse(stream,
                  Status::internal(stream.message.empty() ? "a unary call without a message"
                                                          : "the stream ended inside its message"));
  }
  if (stream.message.compressed()) {
    const Status plain = stream.message.decompress(
        stream.head->encoding, service_.limits.message_bytes_max, service_.bodies);
    if (!plain.ok()) return refuse(stream, plain);
  }
  switch (*stream.head->method) {
    case GrpcMethod::model_infer:
      return infer(stream);
    case GrpcMethod::health_watch:
      return watch(stream);
    default:
      break;
  }
  if (service_.errands && grpc_method_blocks(*stream.head->method)) return run_aside(stream);
  Result<std::string> answer = answer_cold(stream);
  if (std::optional<AuditRecord> record = audit_record(stream)) {
    record->result =
        grpc_status_name(static_cast<std::size_t>(grpc_status(answer.status().code())));
    service_.audit->record(*record);
  }
  reply_message(stream, answer);
}

// Nobody waits for the stream's answer any more.
void GrpcConnection::let_go(GrpcStream& stream) {
  if (stream.call && stream.call->abandon()) link_.turn().stats.calls_abandoned.add(1);
  if (stream.errand) stream.errand->abandon();
  stream.call = nullptr;
  stream.errand = nullptr;
}

void GrpcConnection::infer(GrpcStream& stream) {
  Ref<GrpcCall> call = GrpcCall::make(*this, link_.turn(), stream);
  GrpcInferCall wire{.request = std::move(call->request), .outputs = std::move(call->outputs)};
  wire.shared_memory = service_.parts.shared_memory;
  const Status status =
      decode_grpc_infer(stream.message.owner(), stream.message.message(), service_.decode_limits,
                        service_.parts.engine.copies(), wire);
  stream.message.reset();
  if (stream.line) {
    stream.line->model = wire.request.model;
    stream.line->request_id = wire.request.id;
  }
  if (!status.ok()) return refuse(stream, status);
  Request& request = call->request;
  request = std::move(wire.request);
  call->outputs = std::move(wire.outputs);
  stream.call = call;
  const TimePoint now = link_.turn().now;
  if (stream.head->timeout) request.deadline = after(now, *stream.head->timeout);
  request.timeout_us = wire.timeout_us;
  take_route_headers(service_.parts.engine, request, next_of(stream.head->others));
  if (service_.parts.trace) {
    TraceDecision decision = service_.parts.trace->decide(request.model, stream.head->traceparent,
                                                          stream.head->tracestate);
    if (decision.traced) {
      stream.call->start_trace(stream.receiving_since, now, std::move(decision));
    }
  }
  link_.turn().drained.push_back(std::move(call));
}

void GrpcConnection::call_answered(Call& call) noexcept {
  GrpcStream& stream = *static_cast<GrpcCall&>(call).stream;
  Response response = call.take_response();
  if (!call.trace()) return answer(stream, std::move(response));
  TraceRecord record = record_of(*call.trace(), call, response, "GRPC");
  answer(stream, std::move(response));  // the call goes
  write_record(service_.parts.traces, std::move(record));
}

void GrpcConnection::answer(GrpcStream& stream, Response&& response) {
  if (response.status.ok()) {
    response.status = finish_outputs(service_.parts.engine, stream.call->outputs,
                                     service_.parts.engine.copies(), response);
  }
  const Ref<GrpcCall> call = std::move(stream.call);
  if (!response.status.ok()) return refuse(stream, response.status);
  GrpcInferReply& message = stream.reply.room();
  message.clear();
  if (Status encoded = encode_grpc_infer(response, message); !encoded.ok()) {
    return refuse(stream, encoded);
  }
  call->keep_memory(std::move(response));
  stream.reply.begin();
  reply(stream);
}

void GrpcConnection::reply(GrpcStream& stream) {
  stream.replied = true;
  // A client that compresses wants it back so, if it says that it reads that.
  const Coding coding = stream.head->encoding.value_or(Coding::identity);
  const bool wanted = (coding == Coding::gzip && stream.head->accepts_gzip) ||
                      (coding == Coding::deflate && stream.head->accepts_deflate);
  const bool unary = !stream.streams && !stream.infer;
  const bool smaller = wanted && unary && stream.reply.compress(coding);
  // Most clients compress nothing and need not hear of it.
  if (stream.head->encoding == Coding::identity) {
    session_->ok_reply(stream);
  } else {
    const std::array<Http2Session::Field, 4> fields = {
        {{":status", "200"},
         {"content-type", "application/grpc"},
         {"grpc-accept-encoding", kAcceptedEncodings},
         {"grpc-encoding", coding_name(smaller ? coding : Coding::identity)}}};
    session_->reply(stream, fields, false);
  }
  if (unary) count(stream, 0);
  link_.touch();
}

Http2Handler::Slice GrpcConnection::slice_of_reply(Http2Stream& http2_stream,
                                                   std::size_t bytes_max) {
  GrpcStream& stream = grpc(http2_stream);
  if (stream.infer) return slice_of_stream(stream, bytes_max);
  const std::size_t left = stream.reply.left();
  const std::size_t bytes = std::min(left, bytes_max);
  return {bytes, left > bytes, left == bytes && !stream.streams};
}

void GrpcConnection::write_slice(Http2Stream& stream, std::size_t bytes, OutQueue& out) {
  grpc(stream).reply.take(bytes, out);
}

void GrpcConnection::end_reply(Http2Stream& http2_stream) {
  GrpcStream& stream = grpc(http2_stream);
  if (!stream.infer) return session_->ok_trailers(stream);
  const Status& status = stream.infer->status();
  const int code = grpc_status(status.code());
  count(stream, code);
  if (status.ok()) return session_->ok_trailers(stream);
  const std::string number = std::to_string(code);
  const std::string message = encode_grpc_message(status.message());
  const std::array<Http2Session::Field, 2> fields = {
      {{"grpc-status", number}, {"grpc-message", message}}};
  session_->trailers(stream, fields);
}

// An error before any message: one header block that ends the stream ("trailers only").
void GrpcConnection::refuse(GrpcStream& stream, const Status& status) {
  refuse_with(stream, grpc_status(status.code()), status.message());
}

void GrpcConnection::refuse_with(GrpcStream& stream, int code, std::string_view text) {
  let_go(stream);
  stream.replied = true;
  const std::string number = std::to_string(code);
  const std::string message = encode_grpc_message(text);
  const std::array<Http2Session::Field, 5> fields = {
      {{":status", "200"},
       {"content-type", "application/grpc"},
       {"grpc-status", number},
       {"grpc-message", message},
       {"grpc-accept-encoding", kAcceptedEncodings}}};
  session_->reply(stream, fields, true);
  count(stream, code);
  link_.touch();
}

// Not a gRPC request at all.
void GrpcConnection::refuse_http(GrpcStream& stream, std::string_view http_status) {
  stream.replied = true;
  const std::array<Http2Session::Field, 1> fields = {{{":status", http_status}}};
  session_->reply(stream, fields, true);
  count(stream, 2);
  link_.touch();
}

void GrpcConnection::stream_closed(Http2Stream& http2_stream) {
  GrpcStream& stream = grpc(http2_stream);
  if (stream.call && stream.call->abandon()) {
    link_.turn().stats.calls_abandoned.add(1);
    count(stream, grpc_status(Code::cancelled));
  }
  if (stream.errand) {
    stream.errand->abandon();
    count(stream, grpc_status(Code::cancelled));
  }
  if (stream.infer) {
    --infer_streams_;
    if (!stream.infer->finished()) count(stream, grpc_status(Code::cancelled));
  }
  if (stream.streams) {
    --watching_;
    count(stream, grpc_status(Code::cancelled));
  }
  const std::size_t index = stream.index;
  std::unique_ptr<GrpcStream> closed = std::move(streams_[index]);
  if (index + 1 != streams_.size()) {
    streams_[index] = std::move(streams_.back());
    streams_[index]->index = index;
  }
  streams_.pop_back();
  if (spare_streams_.size() < kSpareStreams) {
    closed->renew();
    spare_streams_.push_back(std::move(closed));
  }
  if (streams_.empty()) {
    idle_since_ = link_.turn().now;
    if (draining_) link_.touch();
  }
}

void GrpcConnection::count(const GrpcStream& stream, int status) {
  const std::size_t method = stream.head && stream.head->method
                                 ? static_cast<std::size_t>(*stream.head->method)
                                 : kGrpcUnknownMethod;
  link_.turn().stats.grpc_requests[method][static_cast<std::size_t>(status)].add(1);
  if (!stream.line) return;
  RequestLine& line = *stream.line;
  line.protocol = "gRPC";
  line.route = grpc_method_name(method);
  line.status = grpc_status_name(static_cast<std::size_t>(status));
  if (stream.head) line.trace_id = trace_id_text(stream.head->traceparent);
  line.began = stream.receiving_since;
  line.ended = std::chrono::steady_clock::now();
  service_.parts.log->request(line);
}

}  // namespace mlops
