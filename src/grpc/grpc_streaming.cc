// The part of GrpcConnection that serves ModelStreamInfer: how an InferStream meets HTTP/2's
// windows.

#include <algorithm>

#include "base/deadline.h"
#include "grpc/grpc_connection.h"
#include "protocol/status_map.h"

namespace mlops {

// The reply begins with the request, so that the client may write and read as it likes.
void GrpcConnection::begin_infer_stream(GrpcStream& stream) {
  InferStream::Options options;
  if (stream.head->timeout) options.deadline = after(link_.turn().now, *stream.head->timeout);
  options.errors_end = stream.head->errors_end;
  options.encoding = stream.head->encoding;
  options.traceparent = stream.head->traceparent;
  options.headers = stream.head->others;
  options.tracestate = stream.head->tracestate;
  options.principal = stream.principal;
  stream.infer = std::make_unique<InferStream>(*this, link_.turn(), service_, stream.id, options);
  ++infer_streams_;
  reply(stream);
  if (draining_) stream.infer->drain();
}

void GrpcConnection::stream_progressed(InferStream& infer) noexcept {
  Http2Stream* stream = session_->find(infer.id());
  if (!stream) return;
  session_->more(*stream);
  link_.touch();
}

Http2Handler::Slice GrpcConnection::slice_of_stream(GrpcStream& stream, std::size_t bytes_max) {
  if (stream.reply.left() == 0 && stream.infer->next_message(stream.reply)) open_window(stream);
  const std::size_t left = stream.reply.left();
  const std::size_t bytes = std::min(left, bytes_max);
  return {bytes, left > bytes, left == bytes && stream.infer->finished()};
}

// The window that the sender has used is given back as long as not too much is in flight.
void GrpcConnection::open_window(GrpcStream& stream) {
  if (stream.unconsumed == 0 || stream.infer->congested()) return;
  session_->consume(stream, std::exchange(stream.unconsumed, 0));
}

// Requests that met a decoupled model in this turn have left the order of answers.
void GrpcConnection::settle_streams() {
  for (const auto& stream : streams_) {
    if (stream->infer && stream->infer->settle()) stream_progressed(*stream->infer);
  }
}

void GrpcConnection::tick_infer_stream(GrpcStream& stream) {
  const TimePoint now = link_.turn().now;
  const InferStream& infer = *stream.infer;
  const auto share = std::chrono::milliseconds(infer.receiving_bytes() * 1000 /
                                               service_.timeouts.bytes_per_second_min);
  const bool slow_sender = infer.receiving_since() != kNever && !infer.congested() &&
                           now >= infer.receiving_since() + service_.timeouts.body + share;
  const bool slow_reader =
      infer.unread_since() != kNever && now >= infer.unread_since() + service_.timeouts.unread;
  if (!slow_sender && !slow_reader) return;
  session_->reset(stream, Http2Error::cancel);
  link_.touch();
}

}  // namespace mlops
