// A session of nghttp2 as the client: whatever it does, windows, settings, trailers and resets at
// random, every call that it did not give up comes back as it was sent, and nghttp2 finds nothing
// wrong with a frame of ours.

#include <gtest/gtest.h>
#include <nghttp2/nghttp2.h>

#include <map>
#include <random>
#include <string>

#include "h2/echo_handler.h"
#include "h2/frame_bytes.h"

namespace mlops::testing {
namespace {

class Peer {
 public:
  struct Call {
    std::string body;
    std::size_t sent = 0;
    std::string answer;
    std::string status;  // grpc-status
    bool with_trailers = false;
    bool given_up = false;
    bool closed = false;
    std::uint32_t error = 0;
  };

  Peer() {
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, on_invalid);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_select_padding_callback(callbacks, padding);
    nghttp2_option* options = nullptr;
    nghttp2_option_new(&options);
    nghttp2_option_set_no_auto_window_update(options, 1);
    nghttp2_session_client_new2(&session, callbacks, this, options);
    nghttp2_option_del(options);
    nghttp2_session_callbacks_del(callbacks);
  }
  ~Peer() { nghttp2_session_del(session); }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  void settings(std::int32_t id, std::uint32_t value) {
    const nghttp2_settings_entry entry{id, value};
    ASSERT_EQ(nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, &entry, 1), 0);
  }
  std::int32_t call(std::string body, bool with_trailers, const std::string& token) {
    nghttp2_data_provider provider{};
    provider.read_callback = read_body;
    std::vector<nghttp2_nv> fields = {field(":method", "POST"), field(":scheme", "http"),
                                      field(":path", "/s/M"), field(":authority", "a"),
                                      field("te", "trailers")};
    if (!token.empty()) fields.push_back(field("authorization", token));
    const std::int32_t id =
        nghttp2_submit_request(session, nullptr, fields.data(), fields.size(), &provider, nullptr);
    calls[id].body = std::move(body);
    calls[id].with_trailers = with_trailers;
    return id;
  }
  void give_up(std::int32_t id) {
    calls[id].given_up = true;
    nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
  }
  // Opens the windows by what was received and not acknowledged, stream by stream.
  void consume() {
    for (auto& [id, bytes] : unconsumed) {
      nghttp2_session_consume(session, id, std::exchange(bytes, 0));
    }
  }
  std::string take() {
    std::string all;
    const std::uint8_t* bytes = nullptr;
    for (ssize_t size = 0; (size = nghttp2_session_mem_send(session, &bytes)) > 0;) {
      all.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
    }
    return all;
  }
  void give(std::string_view bytes) {
    const ssize_t size = nghttp2_session_mem_recv(
        session, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    ASSERT_EQ(size, static_cast<ssize_t>(bytes.size()));
  }

  nghttp2_session* session = nullptr;
  std::mt19937 random;
  bool pads = false;
  int invalid_frames = 0;
  int goaways = 0;
  std::map<std::int32_t, Call> calls;
  std::map<std::int32_t, std::size_t> unconsumed;

 private:
  static Peer& self(void* user) { return *static_cast<Peer*>(user); }
  static nghttp2_nv field(const char* name, std::string_view value) {
    return {reinterpret_cast<std::uint8_t*>(const_cast<char*>(name)),
            reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data())),
            std::string_view(name).size(), value.size(), NGHTTP2_NV_FLAG_NONE};
  }
  static ssize_t read_body(nghttp2_session* session, std::int32_t id, std::uint8_t* buffer,
                           std::size_t size, std::uint32_t* flags, nghttp2_data_source*,
                           void* user) {
    Call& call = self(user).calls[id];
    const std::size_t part = std::min(size, call.body.size() - call.sent);
    call.body.copy(reinterpret_cast<char*>(buffer), part, call.sent);
    call.sent += part;
    if (call.sent == call.body.size()) {
      *flags |= NGHTTP2_DATA_FLAG_EOF;
      if (call.with_trailers) {
        *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
        const nghttp2_nv trailer = field("x-checked", "yes");
        nghttp2_submit_trailer(session, id, &trailer, 1);
      }
    }
    return static_cast<ssize_t>(part);
  }
  static ssize_t padding(nghttp2_session*, const nghttp2_frame* frame, std::size_t max,
                         void* user) {
    Peer& peer = self(user);
    if (!peer.pads) return static_cast<ssize_t>(frame->hd.length);
    return static_cast<ssize_t>(std::min(max, frame->hd.length + peer.random() % 200));
  }
  static int on_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                       std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                       std::uint8_t, void* user) {
    if (std::string_view(reinterpret_cast<const char*>(name), name_size) != "grpc-status") return 0;
    self(user).calls[frame->hd.stream_id].status.append(reinterpret_cast<const char*>(value),
                                                        value_size);
    return 0;
  }
  static int on_data(nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* bytes,
                     std::size_t size, void* user) {
    self(user).calls[id].answer.append(reinterpret_cast<const char*>(bytes), size);
    self(user).unconsumed[id] += size;
    return 0;
  }
  static int on_close(nghttp2_session*, std::int32_t id, std::uint32_t error, void* user) {
    self(user).calls[id].closed = true;
    self(user).calls[id].error = error;
    return 0;
  }
  static int on_invalid(nghttp2_session*, const nghttp2_frame*, int, void* user) {
    ++self(user).invalid_frames;
    return 0;
  }
  static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    if (frame->hd.type == NGHTTP2_GOAWAY) ++self(user).goaways;
    return 0;
  }
};

class Conversation {
 public:
  explicit Conversation(unsigned seed) {
    peer.random.seed(seed);
    peer.pads = below(3) == 0;
    handler.session = &session;
    peer.settings(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, below(4) == 0 ? 0 : below(70'000));
    peer.settings(NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, below(2) == 0 ? 4096 : below(300));
  }
  unsigned below(unsigned bound) { return static_cast<unsigned>(peer.random()) % bound; }

  void step() {
    switch (below(8)) {
      case 0:
      case 1: {
        static const std::string kTokens[] = {"", "Bearer one", "Bearer two"};
        const std::size_t size = below(4) == 0 ? below(200'000) : below(300);
        peer.call(std::string(size, static_cast<char>('a' + below(26))), below(4) == 0,
                  kTokens[below(3)]);
        break;
      }
      case 2:
        if (below(4) == 0) {
          peer.settings(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, below(70'000));
        } else if (below(4) == 0) {
          peer.settings(NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, below(5000));
        } else {
          peer.settings(NGHTTP2_SETTINGS_MAX_FRAME_SIZE, 16'384 + below(50'000));
        }
        break;
      case 3:
        if (below(4) == 0 && !peer.calls.empty()) {
          auto call = peer.calls.begin();
          std::advance(call, below(static_cast<unsigned>(peer.calls.size())));
          if (!call->second.closed) peer.give_up(call->first);
        }
        break;
      case 4:
        peer.consume();
        break;
      default:
        carry();
    }
  }
  // Both ways, in pieces.
  bool carry() {
    const std::string there = peer.take();
    for (std::size_t at = 0; at < there.size();) {
      const std::size_t piece =
          std::min<std::size_t>(there.size() - at, 1 + below(below(2) ? 100'000 : 60));
      session.received(as_span(std::string_view(there).substr(at, piece)), TimePoint());
      at += piece;
      if (below(2) == 0) session.write();
    }
    session.write();
    const std::string back = out.take_all();
    peer.give(back);
    return !there.empty() || !back.empty();
  }
  void finish() {
    peer.settings(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1 << 20);
    for (bool moved = true; moved;) {
      peer.consume();
      moved = carry();
    }
  }

  OutQueue out;
  EchoHandler handler;
  Http2Session session{handler, out, {.out_bytes_max = 50'000}};
  Peer peer;
};

TEST(Nghttp2Peer, EveryCallComesBackAsItWasSent) {
  std::size_t answered = 0;
  for (unsigned seed = 0; seed < 40; ++seed) {
    Conversation talk(seed);
    for (int i = 0; i < 150; ++i) talk.step();
    talk.finish();
    for (const auto& [id, call] : talk.peer.calls) {
      EXPECT_TRUE(call.closed) << "seed " << seed << ", stream " << id;
      if (call.given_up) continue;
      EXPECT_EQ(call.error, 0U) << "seed " << seed << ", stream " << id;
      EXPECT_EQ(call.status, "0");
      EXPECT_TRUE(call.answer == call.body) << "seed " << seed << ", stream " << id;
      ++answered;
    }
    EXPECT_EQ(talk.peer.invalid_frames, 0);
    EXPECT_EQ(talk.peer.goaways, 0);
    EXPECT_FALSE(talk.session.over());
    EXPECT_TRUE(talk.handler.streams.empty());
  }
  EXPECT_GT(answered, 500U);
}

}  // namespace
}  // namespace mlops::testing
