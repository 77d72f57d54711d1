#pragma once
// The client's side of a gRPC connection without sockets, on nghttp2: what GrpcConnection is tested
// against.

#include <gtest/gtest.h>
#include <nghttp2/nghttp2.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace mlops::testing {

struct GrpcReply {
  std::map<std::string, std::string> headers;  // and trailers
  std::string data;
  bool closed = false;
  std::uint32_t error_code = 0;

  int status() const {
    const auto found = headers.find("grpc-status");
    return found == headers.end() ? -1 : std::stoi(found->second);
  }
  // Every message received so far, cut at its prefix.
  std::vector<std::string> messages() const {
    std::vector<std::string> all;
    for (std::size_t at = 0; at + 5 <= data.size();) {
      std::size_t size = 0;
      for (std::size_t i = 1; i < 5; ++i)
        size = size << 8 | static_cast<unsigned char>(data[at + i]);
      if (at + 5 + size > data.size()) break;
      all.push_back(data.substr(at + 5, size));
      at += 5 + size;
    }
    return all;
  }
  std::string message() const { return data.size() < 5 ? std::string() : data.substr(5); }
};

inline std::string grpc_frame(std::string_view message, char flag = 0) {
  std::string framed(1, flag);
  for (const int shift : {24, 16, 8, 0}) {
    framed.push_back(static_cast<char>(message.size() >> shift));
  }
  return framed.append(message);
}

class Http2Client {
 public:
  using Headers = std::vector<std::pair<std::string, std::string>>;

  // With `reads` false the windows stay as they are: nothing received is ever consumed.
  explicit Http2Client(std::int32_t window = 65535, bool reads = true) {
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_option* options = nullptr;
    nghttp2_option_new(&options);
    nghttp2_option_set_no_auto_window_update(options, reads ? 0 : 1);
    nghttp2_session_client_new2(&session_, callbacks, this, options);
    nghttp2_option_del(options);
    nghttp2_session_callbacks_del(callbacks);
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, static_cast<std::uint32_t>(window)}};
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings, 1);
  }
  ~Http2Client() { nghttp2_session_del(session_); }
  Http2Client(const Http2Client&) = delete;
  Http2Client& operator=(const Http2Client&) = delete;

  // What the server has said that it takes.
  std::uint32_t header_list_max() const {
    return nghttp2_session_get_remote_settings(session_, NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE);
  }

  // `body` is sent as it is; without `end` the stream stays open.
  std::int32_t call(const std::string& path, std::string body, const Headers& more = {},
                    bool end = true) {
    Headers headers = {{":method", "POST"}, {":scheme", "http"},
                       {":path", path},     {":authority", "test"},
                       {"te", "trailers"},  {"content-type", "application/grpc"}};
    for (const auto& header : more) {
      bool replaced = false;
      for (auto& [name, value] : headers) {
        if (name != header.first) continue;
        value = header.second;
        replaced = true;
      }
      if (!replaced) headers.push_back(header);
    }
    std::vector<nghttp2_nv> fields;
    for (auto& [name, value] : headers) {
      fields.push_back({reinterpret_cast<std::uint8_t*>(name.data()),
                        reinterpret_cast<std::uint8_t*>(value.data()), name.size(), value.size(),
                        NGHTTP2_NV_FLAG_NONE});
    }
    nghttp2_data_provider provider{};
    provider.read_callback = read_body;
    const std::int32_t id =
        nghttp2_submit_request(session_, nullptr, fields.data(), fields.size(), &provider, nullptr);
    bodies_[id] = {std::move(body), end};
    return id;
  }
  // More of a body that was not ended.
  void send(std::int32_t id, std::string_view bytes, bool end = false) {
    bodies_[id].bytes.append(bytes);
    bodies_[id].end = end;
    nghttp2_session_resume_data(session_, id);
  }
  void reset(std::int32_t id) {
    nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
  }
  void consume(std::int32_t id, std::size_t bytes) { nghttp2_session_consume(session_, id, bytes); }
  void ping() { nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, nullptr); }

  std::string take_output() {
    std::string all;
    const std::uint8_t* bytes = nullptr;
    while (true) {
      const ssize_t size = nghttp2_session_mem_send(session_, &bytes);
      if (size <= 0) return all;
      all.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
    }
  }
  void give(std::string_view bytes) {
    const ssize_t size = nghttp2_session_mem_recv(
        session_, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    EXPECT_EQ(size, static_cast<ssize_t>(bytes.size())) << nghttp2_strerror(static_cast<int>(size));
  }

  std::map<std::int32_t, GrpcReply> replies;
  int goaways = 0;
  std::uint32_t goaway_error = 0;

 private:
  struct Body {
    std::string bytes;
    bool end = true;
    std::size_t sent = 0;
  };

  static Http2Client& self(void* user) { return *static_cast<Http2Client*>(user); }
  static ssize_t read_body(nghttp2_session*, std::int32_t id, std::uint8_t* buffer,
                           std::size_t size, std::uint32_t* flags, nghttp2_data_source*,
                           void* user) {
    Body& body = self(user).bodies_[id];
    const std::size_t part = std::min(size, body.bytes.size() - body.sent);
    body.bytes.copy(reinterpret_cast<char*>(buffer), part, body.sent);
    body.sent += part;
    if (body.sent == body.bytes.size()) {
      if (!body.end && part == 0) return NGHTTP2_ERR_DEFERRED;
      if (body.end) *flags |= NGHTTP2_DATA_FLAG_EOF;
    }
    return static_cast<ssize_t>(part);
  }
  static int on_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                       std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                       std::uint8_t, void* user) {
    self(user)
        .replies[frame->hd.stream_id]
        .headers[{reinterpret_cast<const char*>(name), name_size}] = {
        reinterpret_cast<const char*>(value), value_size};
    return 0;
  }
  static int on_data(nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* bytes,
                     std::size_t size, void* user) {
    self(user).replies[id].data.append(reinterpret_cast<const char*>(bytes), size);
    return 0;
  }
  static int on_close(nghttp2_session*, std::int32_t id, std::uint32_t error, void* user) {
    self(user).replies[id].closed = true;
    self(user).replies[id].error_code = error;
    return 0;
  }
  static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    if (frame->hd.type == NGHTTP2_GOAWAY) {
      ++self(user).goaways;
      self(user).goaway_error = frame->goaway.error_code;
    }
    return 0;
  }

  nghttp2_session* session_ = nullptr;
  std::map<std::int32_t, Body> bodies_;
};

}  // namespace mlops::testing
