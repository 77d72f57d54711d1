// gRPC half of the floor: HTTP/2 framing by nghttp2, the message parsed by hand, one reply per
// unary call.
#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "floor/infer_echo.h"
#include "floor/session.h"

namespace mlops::floor {
namespace {

constexpr std::size_t kPrefixBytes = 5;
constexpr int kWindowBytes = 16 << 20;

nghttp2_nv header(std::string_view name, std::string_view value) {
  nghttp2_nv nv{};
  nv.name = reinterpret_cast<std::uint8_t*>(const_cast<char*>(name.data()));
  nv.namelen = name.size();
  nv.value = reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data()));
  nv.valuelen = value.size();
  nv.flags = NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE;
  return nv;
}

struct Stream {
  std::string request;
  std::string reply;
  std::size_t sent = 0;
};

class GrpcSession final : public Session {
 public:
  GrpcSession();
  ~GrpcSession() override { nghttp2_session_del(session_); }
  GrpcSession(const GrpcSession&) = delete;
  GrpcSession& operator=(const GrpcSession&) = delete;
  bool on_bytes(std::string_view bytes, std::string& out) override;

 private:
  static int on_begin_headers(nghttp2_session* session, const nghttp2_frame* frame, void* self);
  static int on_frame(nghttp2_session* session, const nghttp2_frame* frame, void* self);
  static int on_data(nghttp2_session* session, std::uint8_t flags, std::int32_t stream_id,
                     const std::uint8_t* data, std::size_t bytes, void* self);
  static int on_close(nghttp2_session* session, std::int32_t stream_id, std::uint32_t error_code,
                      void* self);
  static ssize_t read_reply(nghttp2_session* session, std::int32_t stream_id, std::uint8_t* buffer,
                            std::size_t space, std::uint32_t* flags, nghttp2_data_source* source,
                            void* self);
  int answer(std::int32_t stream_id, Stream& stream);

  nghttp2_session* session_ = nullptr;
  // nghttp2 tells of no stream when a session ends, so all are owned here; idle ones are recycled
  // with their buffers.
  std::vector<std::unique_ptr<Stream>> streams_;
  std::vector<Stream*> idle_;
};

GrpcSession::GrpcSession() {
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_session_callbacks_new(&callbacks);
  nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, &on_begin_headers);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, &on_frame);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, &on_data);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, &on_close);
  nghttp2_session_server_new(&session_, callbacks, this);
  nghttp2_session_callbacks_del(callbacks);
  const nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 1024},
                                             {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kWindowBytes}};
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings, std::size(settings));
  nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, kWindowBytes);
}

int GrpcSession::on_begin_headers(nghttp2_session* session, const nghttp2_frame* frame,
                                  void* self) {
  auto& floor = *static_cast<GrpcSession*>(self);
  if (frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
  if (floor.idle_.empty()) {
    floor.streams_.push_back(std::make_unique<Stream>());
    floor.idle_.push_back(floor.streams_.back().get());
  }
  nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, floor.idle_.back());
  floor.idle_.pop_back();
  return 0;
}

int GrpcSession::on_data(nghttp2_session* session, std::uint8_t, std::int32_t stream_id,
                         const std::uint8_t* data, std::size_t bytes, void*) {
  auto* stream = static_cast<Stream*>(nghttp2_session_get_stream_user_data(session, stream_id));
  if (stream != nullptr) stream->request.append(reinterpret_cast<const char*>(data), bytes);
  return 0;
}

int GrpcSession::on_frame(nghttp2_session* session, const nghttp2_frame* frame, void* self) {
  const bool ended = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  if (!ended || (frame->hd.type != NGHTTP2_DATA && frame->hd.type != NGHTTP2_HEADERS)) return 0;
  auto* stream =
      static_cast<Stream*>(nghttp2_session_get_stream_user_data(session, frame->hd.stream_id));
  return stream == nullptr ? 0
                           : static_cast<GrpcSession*>(self)->answer(frame->hd.stream_id, *stream);
}

int GrpcSession::on_close(nghttp2_session* session, std::int32_t stream_id, std::uint32_t,
                          void* self) {
  auto* stream = static_cast<Stream*>(nghttp2_session_get_stream_user_data(session, stream_id));
  if (stream == nullptr) return 0;
  stream->request.clear();
  stream->reply.clear();
  stream->sent = 0;
  static_cast<GrpcSession*>(self)->idle_.push_back(stream);
  return 0;
}

ssize_t GrpcSession::read_reply(nghttp2_session* session, std::int32_t stream_id,
                                std::uint8_t* buffer, std::size_t space, std::uint32_t* flags,
                                nghttp2_data_source* source, void*) {
  auto& stream = *static_cast<Stream*>(source->ptr);
  const std::size_t bytes = std::min(space, stream.reply.size() - stream.sent);
  std::memcpy(buffer, stream.reply.data() + stream.sent, bytes);
  stream.sent += bytes;
  if (stream.sent == stream.reply.size()) {
    *flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
    const nghttp2_nv trailers[] = {header("grpc-status", "0")};
    nghttp2_submit_trailer(session, stream_id, trailers, std::size(trailers));
  }
  return static_cast<ssize_t>(bytes);
}

int GrpcSession::answer(std::int32_t stream_id, Stream& stream) {
  EchoTensor tensor;
  const std::string_view request = stream.request;
  if (request.size() < kPrefixBytes || !parse_infer_request(request.substr(kPrefixBytes), tensor)) {
    const nghttp2_nv refused[] = {header(":status", "200"),
                                  header("content-type", "application/grpc"),
                                  header("grpc-status", "3")};
    return nghttp2_submit_response(session_, stream_id, refused, std::size(refused), nullptr);
  }
  append_infer_response(stream.reply, tensor);
  const nghttp2_nv headers[] = {header(":status", "200"),
                                header("content-type", "application/grpc")};
  nghttp2_data_provider body{};
  body.source.ptr = &stream;
  body.read_callback = &read_reply;
  return nghttp2_submit_response(session_, stream_id, headers, std::size(headers), &body);
}

bool GrpcSession::on_bytes(std::string_view bytes, std::string& out) {
  const auto* data = reinterpret_cast<const std::uint8_t*>(bytes.data());
  if (nghttp2_session_mem_recv(session_, data, bytes.size()) != static_cast<ssize_t>(bytes.size()))
    return false;
  const std::uint8_t* frame = nullptr;
  ssize_t length = 0;
  while ((length = nghttp2_session_mem_send(session_, &frame)) > 0) {
    out.append(reinterpret_cast<const char*>(frame), static_cast<std::size_t>(length));
  }
  return length == 0 &&
         (nghttp2_session_want_read(session_) != 0 || nghttp2_session_want_write(session_) != 0);
}

}  // namespace

std::unique_ptr<Session> make_grpc_session() { return std::make_unique<GrpcSession>(); }

}  // namespace mlops::floor
