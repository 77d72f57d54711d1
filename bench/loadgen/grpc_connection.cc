#include "loadgen/grpc_connection.h"

#include <nghttp2/nghttp2.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <string_view>
#include <utility>

#include "loadgen/grpc_message.h"

namespace mlops::loadgen {
namespace {

constexpr std::size_t kGrpcReadBytes = 256 << 10;
constexpr int kWindowBytes = 16 << 20;  // flow control is not what is measured
constexpr std::string_view kPath = "/inference.GRPCInferenceService/ModelInfer";

nghttp2_nv header(std::string_view name, std::string_view value) {
  nghttp2_nv nv{};
  nv.name = reinterpret_cast<std::uint8_t*>(const_cast<char*>(name.data()));
  nv.namelen = name.size();
  nv.value = reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data()));
  nv.valuelen = value.size();
  nv.flags = NGHTTP2_NV_FLAG_NO_COPY_NAME |
             NGHTTP2_NV_FLAG_NO_COPY_VALUE;  // constants, or the connection's own
  return nv;
}

int to_int(std::string_view text) {
  int value = -1;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

struct GrpcCallbacks {
  using Call = GrpcConnection::Call;

  static Call* call_of(nghttp2_session* session, std::int32_t stream_id) {
    return static_cast<Call*>(nghttp2_session_get_stream_user_data(session, stream_id));
  }

  static int on_header(nghttp2_session* session, const nghttp2_frame* frame,
                       const std::uint8_t* name, std::size_t name_bytes, const std::uint8_t* value,
                       std::size_t value_bytes, std::uint8_t, void*) {
    Call* call = call_of(session, frame->hd.stream_id);
    if (call == nullptr) return 0;
    const std::string_view key(reinterpret_cast<const char*>(name), name_bytes);
    const std::string_view text(reinterpret_cast<const char*>(value), value_bytes);
    if (key == ":status") call->http_status = to_int(text);
    if (key == "grpc-status") call->grpc_status = to_int(text);
    return 0;
  }

  static int on_data(nghttp2_session* session, std::uint8_t, std::int32_t stream_id,
                     const std::uint8_t* data, std::size_t bytes, void*) {
    Call* call = call_of(session, stream_id);
    if (call != nullptr) call->reply.append(reinterpret_cast<const char*>(data), bytes);
    return 0;
  }

  static int on_close(nghttp2_session* session, std::int32_t stream_id, std::uint32_t error_code,
                      void* self) {
    Call* call = call_of(session, stream_id);
    if (call != nullptr) static_cast<GrpcConnection*>(self)->finish(*call, error_code);
    return 0;
  }

  static ssize_t read_body(nghttp2_session*, std::int32_t, std::uint8_t* buffer, std::size_t space,
                           std::uint32_t* flags, nghttp2_data_source* source, void* self) {
    auto& call = *static_cast<Call*>(source->ptr);
    const std::string& body = static_cast<GrpcConnection*>(self)->target_.requests[call.row];
    const std::size_t bytes = std::min(space, body.size() - call.uploaded);
    std::memcpy(buffer, body.data() + call.uploaded, bytes);
    call.uploaded += bytes;
    if (call.uploaded == body.size()) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(bytes);
  }
};

void GrpcConnection::SessionDeleter::operator()(nghttp2_session* session) const {
  nghttp2_session_del(session);
}

GrpcConnection::GrpcConnection(Socket socket, const GrpcTarget& target, std::size_t first_slot,
                               std::size_t streams)
    : socket_(std::move(socket)),
      target_(target),
      authorization_(target.peer.token.empty() ? "" : "Bearer " + target.peer.token),
      first_slot_(first_slot),
      calls_(streams),
      in_(kGrpcReadBytes) {
  for (std::size_t i = 0; i < streams; ++i) calls_[i].slot = first_slot + i;
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_session_callbacks_new(&callbacks);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, &GrpcCallbacks::on_header);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, &GrpcCallbacks::on_data);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, &GrpcCallbacks::on_close);
  nghttp2_session* session = nullptr;
  nghttp2_session_client_new(&session, callbacks, this);
  nghttp2_session_callbacks_del(callbacks);
  session_.reset(session);
  const nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kWindowBytes},
                                             {NGHTTP2_SETTINGS_ENABLE_PUSH, 0}};
  nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings, std::size(settings));
  nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0, kWindowBytes);
}

GrpcConnection::~GrpcConnection() = default;

void GrpcConnection::start(std::size_t slot, std::size_t row) {
  Call& call = calls_[slot - first_slot_];
  call.row = row;
  call.uploaded = 0;
  call.http_status = 0;
  call.grpc_status = -1;
  call.reply.clear();
  const nghttp2_nv headers[] = {header(":method", "POST"),
                                header(":scheme", "http"),
                                header(":path", kPath),
                                header(":authority", target_.peer.authority),
                                header("te", "trailers"),
                                header("content-type", "application/grpc"),
                                header("user-agent", "mlops-loadgen"),
                                header("authorization", authorization_)};
  const std::size_t count = std::size(headers) - (authorization_.empty() ? 1 : 0);
  nghttp2_data_provider body{};
  body.source.ptr = &call;
  body.read_callback = &GrpcCallbacks::read_body;
  nghttp2_submit_request(session_.get(), nullptr, headers, count, &body, &call);
}

Outcome GrpcConnection::judge(const Call& call, std::uint32_t error_code) const {
  if (error_code != NGHTTP2_NO_ERROR) return Outcome::kMalformed;
  if (call.http_status != 200 || call.grpc_status > 0) return Outcome::kBadStatus;
  if (call.grpc_status < 0) return Outcome::kMalformed;
  const auto outputs = grpc_output_bytes(call.reply);
  if (!outputs) return Outcome::kMalformed;
  return target_.expectation.accepts(call.row, *outputs) ? Outcome::kOk : Outcome::kWrongOutput;
}

void GrpcConnection::finish(Call& call, std::uint32_t error_code) {
  if (sink_ == nullptr) return;  // the session is being torn down
  sink_->on_reply(call.slot, judge(call, error_code));
}

bool GrpcConnection::receive() {
  const ssize_t got = recv(socket_.fd(), in_.data(), in_.size(), 0);
  received_ = got > 0 ? static_cast<std::size_t>(got) : 0;
  return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
}

bool GrpcConnection::deliver(ReplySink& sink) {
  sink_ = &sink;
  const ssize_t used = nghttp2_session_mem_recv(session_.get(), in_.data(), received_);
  sink_ = nullptr;
  return used == static_cast<ssize_t>(received_) &&
         (nghttp2_session_want_read(session_.get()) != 0 ||
          nghttp2_session_want_write(session_.get()) != 0);
}

bool GrpcConnection::flush() {
  for (;;) {
    if (sent_ == out_.size()) {
      out_.clear();
      sent_ = 0;
      const std::uint8_t* frame = nullptr;
      ssize_t bytes = 0;
      // All frames of one turn leave in one send: a segment each would cost the kernel more than
      // the frames cost us.
      while (out_.size() < kGrpcReadBytes &&
             (bytes = nghttp2_session_mem_send(session_.get(), &frame)) > 0) {
        out_.append(reinterpret_cast<const char*>(frame), static_cast<std::size_t>(bytes));
      }
      if (bytes < 0) return false;
      if (out_.empty()) return true;
    }
    const ssize_t sent = send(socket_.fd(), out_.data() + sent_, out_.size() - sent_, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return errno == EAGAIN;
    sent_ += static_cast<std::size_t>(sent);
  }
}

}  // namespace mlops::loadgen
