#include "grpc/grpc_connection.h"

#include <algorithm>
#include <array>

#include "base/deadline.h"
#include "grpc/grpc_names.h"
#include "grpc/grpc_text.h"
#include "protocol/grpc_infer.h"
#include "protocol/status_map.h"

namespace mlops {
namespace {

constexpr std::size_t kSpareStreams = 64;
// Triton's, before the key of a restricted call.
constexpr std::string_view kRestrictedKeyPrefix = "triton-grpc-protocol-";
constexpr std::string_view kAcceptedEncodings = "identity,deflate,gzip";

// Static text: nghttp2 need not copy it.
nghttp2_nv fixed_header(std::string_view name, std::string_view value) {
  return {reinterpret_cast<std::uint8_t*>(const_cast<char*>(name.data())),
          reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data())), name.size(),
          value.size(), NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE};
}

nghttp2_nv header_of(std::string_view name, std::string_view value) {
  nghttp2_nv header = fixed_header(name, value);
  header.flags = NGHTTP2_NV_FLAG_NO_COPY_NAME;
  return header;
}

ssize_t read_reply(nghttp2_session*, std::int32_t, std::uint8_t*, std::size_t size,
                   std::uint32_t* flags, nghttp2_data_source* source, void* user) {
  auto& connection = *static_cast<GrpcConnection*>(user);
  auto& stream = *static_cast<GrpcStream*>(source->ptr);
  const GrpcConnection::Slice slice = connection.slice_of_reply(stream, size);
  if (slice.bytes == 0 && !slice.last) {
    stream.deferred = true;
    return NGHTTP2_ERR_DEFERRED;
  }
  *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  if (slice.last) {
    *flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
    connection.submit_trailers(stream);
  }
  return static_cast<ssize_t>(slice.bytes);
}

nghttp2_data_provider provider_of(GrpcStream& stream) {
  nghttp2_data_provider provider{};
  provider.source.ptr = &stream;
  provider.read_callback = read_reply;
  return provider;
}

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
  for (const auto& stream : streams_) {
    let_go(*stream);
  }
  if (session_) {
    // The close callbacks would find streams that are already settled.
    for (const auto& stream : streams_) {
      nghttp2_session_set_stream_user_data(session_, stream->id, nullptr);
    }
    nghttp2_session_del(session_);
  }
}

void GrpcConnection::received(std::span<const std::byte> bytes, const Buffer& chunk) {
  if (closing_) return;
  if (!session_) begin_session();
  if (!session_) return;
  chunk_ = chunk;
  const ssize_t size = nghttp2_session_mem_recv(
      session_, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  chunk_ = nullptr;
  if (size == NGHTTP2_ERR_BAD_CLIENT_MAGIC) {
    link_.out.append(
        "HTTP/1.1 505 HTTP Version Not Supported\r\nConnection: close\r\nContent-Length: 28\r\n\r\n"
        "this port speaks gRPC only.\n");
    closing_ = true;
    return link_.finish(true);
  }
  if (size < 0) return close(NGHTTP2_PROTOCOL_ERROR);
  link_.touch();
}

// Not before the peer has spoken, so that an HTTP/1 client is answered in its own language.
void GrpcConnection::begin_session() {
  session_ = make_nghttp2_session(*this, service_.limits);
  if (session_) return;
  closing_ = true;
  link_.finish(false);
}

void GrpcConnection::resume() {
  if (!session_ || closing_) return;
  if (infer_streams_ > 0) settle_streams();
  if (nghttp2_session_want_write(session_) && nghttp2_session_send(session_) != 0) {
    closing_ = true;
    return link_.finish(false);
  }
  const bool over = !nghttp2_session_want_read(session_) && !nghttp2_session_want_write(session_);
  if (over || (draining_ && streams_.empty() && !nghttp2_session_want_write(session_))) {
    closing_ = true;
    link_.finish(true);
  }
}

void GrpcConnection::close(std::uint32_t http2_error) {
  nghttp2_session_terminate_session(session_, http2_error);
  link_.touch();
}

TimePoint GrpcConnection::deadline() const {
  if (!session_) return idle_since_ + service_.timeouts.header;
  return streams_.empty() ? idle_since_ + service_.timeouts.idle : kNever;
}

void GrpcConnection::expired() {
  if (!session_) return;
  nghttp2_session_terminate_session(session_, NGHTTP2_NO_ERROR);
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
  nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE,
                        nghttp2_session_get_last_proc_stream_id(session_), NGHTTP2_NO_ERROR,
                        nullptr, 0);
  link_.touch();
}

// False when the connection is over.
bool GrpcConnection::tick_receiving(GrpcStream& stream) {
  const TimePoint now = link_.turn().now;
  if (!stream.head.complete) {
    if (now < stream.receiving_since + service_.timeouts.header) return true;
    // Nothing but the rest of the block may follow it: nobody on this connection gets any further.
    close(NGHTTP2_ENHANCE_YOUR_CALM);
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
  control_frames_ = 0;
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
      if (std::exchange(stream.deferred, false)) nghttp2_session_resume_data(session_, stream.id);
      link_.touch();
    }
  }
}

void GrpcConnection::control_frame() {
  if (++control_frames_ == service_.limits.control_frames_max) close(NGHTTP2_ENHANCE_YOUR_CALM);
}

void GrpcConnection::stream_began(std::int32_t id) {
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
  nghttp2_session_set_stream_user_data(session_, id, stream.get());
  streams_.push_back(std::move(stream));
}

void GrpcConnection::header(GrpcStream& stream, std::string_view name, std::string_view value) {
  stream.head.bytes += name.size() + value.size() + 32;  // as HTTP/2 counts
  stream.head.too_large |= stream.head.bytes > service_.limits.header_bytes_max;
  if (stream.head.too_large) return;
  if (name == ":path") {
    stream.head.method = grpc_method(value);
  } else if (name == ":method") {
    stream.head.is_post = value == "POST";
  } else if (name == "content-type") {
    constexpr std::string_view kType = "application/grpc";
    stream.head.is_grpc =
        value.starts_with(kType) &&
        (value.size() == kType.size() || value[kType.size()] == '+' || value[kType.size()] == ';');
  } else if (name == "authorization" && service_.gate.access()) {
    identify(stream, value);
  } else if (name == "triton_grpc_error") {
    stream.head.errors_end = value == "true";
  } else if (name == "grpc-encoding") {
    stream.head.encoding = coding_named(value);
  } else if (name == "grpc-accept-encoding") {
    stream.head.accepts_gzip = accepts_coding(value, Coding::gzip);
    stream.head.accepts_deflate = accepts_coding(value, Coding::deflate);
  } else if (name == "grpc-timeout") {
    stream.head.timeout = parse_grpc_timeout(value);
    stream.head.timeout_malformed = !stream.head.timeout;
  } else if (name == "traceparent") {
    // Two of them contradict each other: the context is unknown.
    stream.head.traceparent = stream.head.traceparent.empty() ? value : "-";
  } else if (name == "tracestate") {
    stream.head.tracestate = value;
  } else if (service_.gate.restricts() && name.starts_with(kRestrictedKeyPrefix)) {
    name.remove_prefix(kRestrictedKeyPrefix.size());
    stream.head.shown |= service_.gate.shown_by(name, value);
  }
}

void GrpcConnection::head_ended(GrpcStream& stream) {
  stream.head.complete = true;
  stream.message_since = link_.turn().now;
  if (stream.head.too_large) {
    return refuse(stream, Status::resource_exhausted("the request's headers are too large"));
  }
  if (!stream.head.is_post) return refuse_http(stream, "405");
  if (!stream.head.is_grpc) return refuse_http(stream, "415");
  if (!stream.head.method) return refuse(stream, Status::unimplemented("unknown method"));
  if (service_.gate.closed() && !permit(stream)) return;
  if (stream.head.timeout_malformed) {
    return refuse(stream, Status::internal("malformed grpc-timeout header"));
  }
  if (stream.head.method == GrpcMethod::model_stream_infer) begin_infer_stream(stream);
}

void GrpcConnection::data(GrpcStream& stream, std::span<const std::byte> bytes) {
  if (stream.infer) {
    stream.unconsumed += bytes.size();
    stream.infer->received(bytes, chunk_);
    return open_window(stream);
  }
  nghttp2_session_consume_stream(session_, stream.id, bytes.size());
  if (stream.replied) return;
  stream.receiving_bytes += bytes.size();
  const Status status = stream.message.add(bytes, chunk_, service_.limits.message_bytes_max,
                                           service_.bodies, service_.parts.engine.copies());
  if (!status.ok()) refuse(stream, status);
}

void GrpcConnection::request_ended(GrpcStream& stream) {
  stream.request_ended = true;
  if (stream.infer) return stream.infer->request_ended();
  if (stream.replied) return;
  if (!stream.message.complete()) {
    return refuse(stream,
                  Status::internal(stream.message.empty() ? "a unary call without a message"
                                                          : "the stream ended inside its message"));
  }
  if (stream.message.compressed()) {
    const Status plain = stream.message.decompress(
        stream.head.encoding, service_.limits.message_bytes_max, service_.bodies);
    if (!plain.ok()) return refuse(stream, plain);
  }
  switch (*stream.head.method) {
    case GrpcMethod::model_infer:
      return infer(stream);
    case GrpcMethod::health_watch:
      return watch(stream);
    default:
      break;
  }
  if (service_.errands && grpc_method_blocks(*stream.head.method)) return run_aside(stream);
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
  GrpcInferCall wire;
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
  stream.call = make_ref<GrpcCall>(*this, link_.turn(), stream);
  Request& request = stream.call->request;
  request = std::move(wire.request);
  stream.call->outputs = std::move(wire.outputs);
  const TimePoint now = link_.turn().now;
  if (stream.head.timeout) request.deadline = after(now, *stream.head.timeout);
  request.timeout_us = wire.timeout_us;
  if (service_.parts.trace) {
    TraceDecision decision = service_.parts.trace->decide(request.model, stream.head.traceparent,
                                                          stream.head.tracestate);
    if (decision.traced) {
      stream.call->start_trace(stream.receiving_since, now, std::move(decision));
    }
  }
  link_.turn().drained.push_back(stream.call);
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
  stream.call = nullptr;
  if (!response.status.ok()) return refuse(stream, response.status);
  Result<GrpcInferReply> message = encode_grpc_infer(response);
  if (!message.ok()) return refuse(stream, message.status());
  stream.reply.set(std::move(*message));
  reply(stream);
}

void GrpcConnection::reply(GrpcStream& stream) {
  stream.replied = true;
  // A client that compresses wants it back so, if it says that it reads that.
  const Coding coding = stream.head.encoding.value_or(Coding::identity);
  const bool wanted = (coding == Coding::gzip && stream.head.accepts_gzip) ||
                      (coding == Coding::deflate && stream.head.accepts_deflate);
  const bool unary = !stream.streams && !stream.infer;
  const bool smaller = wanted && unary && stream.reply.compress(coding);
  const std::array headers = {
      fixed_header(":status", "200"), fixed_header("content-type", "application/grpc"),
      fixed_header("grpc-accept-encoding", kAcceptedEncodings),
      fixed_header("grpc-encoding", coding_name(smaller ? coding : Coding::identity))};
  const nghttp2_data_provider provider = provider_of(stream);
  // Most clients compress nothing and need not hear of it.
  const std::size_t count_of_headers = stream.head.encoding == Coding::identity ? 2 : 4;
  nghttp2_submit_response(session_, stream.id, headers.data(), count_of_headers, &provider);
  if (unary) count(stream, 0);
  link_.touch();
}

GrpcConnection::Slice GrpcConnection::slice_of_reply(GrpcStream& stream, std::size_t bytes_max) {
  if (stream.infer) return slice_of_stream(stream, bytes_max);
  const std::size_t left = stream.reply.left();
  const std::size_t bytes = std::min(left, bytes_max);
  return {bytes, bytes == left && !stream.streams};
}

void GrpcConnection::submit_trailers(GrpcStream& stream) {
  const Status status = stream.infer ? stream.infer->status() : Status();
  const int code = grpc_status(status.code());
  if (stream.infer) count(stream, code);
  if (status.ok()) {
    const nghttp2_nv trailer = fixed_header("grpc-status", "0");
    nghttp2_submit_trailer(session_, stream.id, &trailer, 1);
    return;
  }
  const std::string number = std::to_string(code);
  const std::string message = encode_grpc_message(status.message());
  const std::array trailers = {header_of("grpc-status", number),
                               header_of("grpc-message", message)};
  nghttp2_submit_trailer(session_, stream.id, trailers.data(), trailers.size());
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
  const std::array headers = {fixed_header(":status", "200"),
                              fixed_header("content-type", "application/grpc"),
                              header_of("grpc-status", number), header_of("grpc-message", message),
                              fixed_header("grpc-accept-encoding", kAcceptedEncodings)};
  nghttp2_submit_response(session_, stream.id, headers.data(), headers.size(), nullptr);
  count(stream, code);
  link_.touch();
}

// Not a gRPC request at all.
void GrpcConnection::refuse_http(GrpcStream& stream, std::string_view http_status) {
  stream.replied = true;
  const std::array headers = {fixed_header(":status", http_status)};
  nghttp2_submit_response(session_, stream.id, headers.data(), headers.size(), nullptr);
  count(stream, 2);
  link_.touch();
}

// The reply is complete while the request is not: the client need not send the rest.
void GrpcConnection::reply_sent(GrpcStream& stream) {
  if (stream.request_ended) return;
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream.id, NGHTTP2_NO_ERROR);
}

void GrpcConnection::stream_closed(GrpcStream& stream) {
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
    *closed = GrpcStream{};
    spare_streams_.push_back(std::move(closed));
  }
  if (streams_.empty()) {
    idle_since_ = link_.turn().now;
    if (draining_) link_.touch();
  }
}

void GrpcConnection::count(const GrpcStream& stream, int status) {
  const std::size_t method =
      stream.head.method ? static_cast<std::size_t>(*stream.head.method) : kGrpcUnknownMethod;
  link_.turn().stats.grpc_requests[method][static_cast<std::size_t>(status)].add(1);
  if (!stream.line) return;
  RequestLine& line = *stream.line;
  line.protocol = "gRPC";
  line.route = grpc_method_name(method);
  line.status = grpc_status_name(static_cast<std::size_t>(status));
  line.trace_id = trace_id_text(stream.head.traceparent);
  line.began = stream.receiving_since;
  line.ended = std::chrono::steady_clock::now();
  service_.parts.log->request(line);
}

}  // namespace mlops
