// The bridge between nghttp2's callbacks and GrpcConnection, and the choice of HTTP/2 settings.

#include <algorithm>
#include <array>

#include "grpc/grpc_connection.h"

namespace mlops {
namespace {

// Windows large enough that one stream fills a fast link without waiting for updates. They bound
// what may be under way, not memory: data is consumed as it arrives and bounded by
// message_bytes_max.
constexpr std::int32_t kStreamWindow = 4 << 20;
constexpr std::int32_t kConnectionWindow = 16 << 20;
constexpr std::uint32_t kFrameBytesMax = 1 << 20;
// A client that cancels a lot is normal, one that only cancels is the "rapid reset" attack.
constexpr std::uint64_t kResetBurst = 2000;
constexpr std::uint64_t kResetsPerSecond = 200;

GrpcConnection& connection_of(void* user) { return *static_cast<GrpcConnection*>(user); }

GrpcStream* stream_of(nghttp2_session* session, std::int32_t id) {
  return static_cast<GrpcStream*>(nghttp2_session_get_stream_user_data(session, id));
}

ssize_t on_send(nghttp2_session*, const std::uint8_t* bytes, std::size_t size, int, void* user) {
  GrpcConnection& connection = connection_of(user);
  if (connection.output_full()) return NGHTTP2_ERR_WOULDBLOCK;
  connection.out().append({reinterpret_cast<const char*>(bytes), size});
  return static_cast<ssize_t>(size);
}

// A DATA frame whose payload is the stream's reply: written straight to the output, tensors as
// views.
int on_send_data(nghttp2_session*, nghttp2_frame* frame, const std::uint8_t* frame_head,
                 std::size_t size, nghttp2_data_source* source, void* user) {
  constexpr std::size_t kFrameHeadBytes = 9;
  GrpcConnection& connection = connection_of(user);
  if (connection.output_full()) return NGHTTP2_ERR_WOULDBLOCK;
  if (frame->data.padlen != 0) return NGHTTP2_ERR_CALLBACK_FAILURE;  // never asked for
  connection.out().append({reinterpret_cast<const char*>(frame_head), kFrameHeadBytes});
  static_cast<GrpcStream*>(source->ptr)->reply.take(size, connection.out());
  return 0;
}

ssize_t frame_bytes(nghttp2_session*, std::uint8_t, std::int32_t, std::int32_t connection_window,
                    std::int32_t stream_window, std::uint32_t remote_frame_bytes_max, void*) {
  return std::min({connection_window, stream_window,
                   static_cast<std::int32_t>(std::min(remote_frame_bytes_max, kFrameBytesMax))});
}

int on_begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* user) {
  if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
    connection_of(user).stream_began(frame->hd.stream_id);
  }
  return 0;
}

int on_header(nghttp2_session* session, const nghttp2_frame* frame, const std::uint8_t* name,
              std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
              std::uint8_t, void* user) {
  GrpcStream* stream = stream_of(session, frame->hd.stream_id);
  if (!stream) return 0;
  connection_of(user).header(*stream, {reinterpret_cast<const char*>(name), name_size},
                             {reinterpret_cast<const char*>(value), value_size});
  return 0;
}

int on_data(nghttp2_session* session, std::uint8_t, std::int32_t id, const std::uint8_t* bytes,
            std::size_t size, void* user) {
  nghttp2_session_consume_connection(session, size);
  if (GrpcStream* stream = stream_of(session, id)) {
    connection_of(user).data(*stream, {reinterpret_cast<const std::byte*>(bytes), size});
  }
  return 0;
}

int on_frame(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
  GrpcConnection& connection = connection_of(user);
  const bool ends = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  if (frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) {
    GrpcStream* stream = stream_of(session, frame->hd.stream_id);
    const bool head =
        frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST;
    if (stream && head) connection.head_ended(*stream);
    if (stream && ends) connection.request_ended(*stream);
    if (frame->hd.type == NGHTTP2_DATA && frame->hd.length == 0 && !ends)
      connection.control_frame();
  } else if (frame->hd.type != NGHTTP2_WINDOW_UPDATE) {
    connection.control_frame();
  }
  return 0;
}

int on_frame_sent(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
  const bool ends = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  if (frame->hd.type != NGHTTP2_HEADERS || !ends) return 0;
  if (GrpcStream* stream = stream_of(session, frame->hd.stream_id)) {
    connection_of(user).reply_sent(*stream);
  }
  return 0;
}

int on_stream_close(nghttp2_session* session, std::int32_t id, std::uint32_t, void* user) {
  if (GrpcStream* stream = stream_of(session, id)) connection_of(user).stream_closed(*stream);
  return 0;
}

template <auto make, auto destroy>
class Handle {
 public:
  Handle() {
    if (make(&object_) != 0) object_ = nullptr;
  }
  ~Handle() {
    if (object_) destroy(object_);
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  auto* get() const { return object_; }

 private:
  std::conditional_t<std::is_same_v<decltype(make), int (*)(nghttp2_option**)>, nghttp2_option,
                     nghttp2_session_callbacks>* object_ = nullptr;
};

void set_callbacks(nghttp2_session_callbacks* callbacks) {
  nghttp2_session_callbacks_set_send_callback(callbacks, on_send);
  nghttp2_session_callbacks_set_send_data_callback(callbacks, on_send_data);
  nghttp2_session_callbacks_set_data_source_read_length_callback(callbacks, frame_bytes);
  nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
  nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_sent);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
}

}  // namespace

nghttp2_session* make_nghttp2_session(GrpcConnection& connection, const GrpcLimits& limits) {
  const Handle<nghttp2_session_callbacks_new, nghttp2_session_callbacks_del> callbacks;
  const Handle<nghttp2_option_new, nghttp2_option_del> options;
  if (!callbacks.get() || !options.get()) return nullptr;
  set_callbacks(callbacks.get());
  nghttp2_option_set_no_closed_streams(options.get(), 1);
  // A stream's window is opened by us: the sender of many requests can be held up.
  nghttp2_option_set_no_auto_window_update(options.get(), 1);
  nghttp2_option_set_stream_reset_rate_limit(options.get(), kResetBurst, kResetsPerSecond);

  nghttp2_session* session = nullptr;
  if (nghttp2_session_server_new2(&session, callbacks.get(), &connection, options.get()) != 0) {
    return nullptr;
  }
  const std::array<nghttp2_settings_entry, 5> settings = {{
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits.streams_max},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, static_cast<std::uint32_t>(kStreamWindow)},
      {NGHTTP2_SETTINGS_MAX_FRAME_SIZE, kFrameBytesMax},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<std::uint32_t>(limits.header_bytes_max)},
      {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},  // gRPC has none; the tree costs time per stream
  }};
  if (nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings.data(), settings.size()) != 0 ||
      nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0, kConnectionWindow) !=
          0) {
    nghttp2_session_del(session);
    return nullptr;
  }
  return session;
}

}  // namespace mlops
