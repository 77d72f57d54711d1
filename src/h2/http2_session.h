#pragma once
// The server's side of one HTTP/2 connection (RFC 9113): streams and their states, both directions
// of flow control, settings, header blocks, and the floods that a client could try. Requests go to
// a handler, replies come from it; see frame_reader.h and block_decoder.h for the layers below.
// Not served, because no client of gRPC asks for it: push, CONNECT, priorities (ignored), upgrades
// from HTTP/1. No sockets: bytes in through received(), bytes out through the queue. One thread.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "h2/block_decoder.h"
#include "h2/frame_reader.h"
#include "h2/http2_stream.h"
#include "h2/reply_encoder.h"
#include "h2/request_head.h"
#include "h2/reset_budget.h"
#include "h2/stream_table.h"
#include "net/out_queue.h"

namespace mlops {

struct Http2Limits {
  std::uint32_t streams_max = 1024;                      // in flight
  std::size_t header_bytes_max = std::size_t{16} << 10;  // of one request, as HTTP/2 counts
  std::uint32_t control_frames_max = 10'000;             // between two ticks
  std::size_t out_bytes_max = std::size_t{1} << 20;      // framed but unsent; bodies wait above it
};

class Http2Handler {
 public:
  // How much of a reply goes into the frame that is being made.
  struct Slice {
    std::size_t bytes = 0;
    bool more = false;  // and more is there, did the frame have room
    bool last = false;  // the reply ends with it: end_reply() comes next
  };

  // A request begins. The stream is the handler's, and stays where it is until stream_closed().
  virtual Http2Stream& stream_began(std::int32_t id) = 0;
  // What the fields mean, which are well formed. Asked once for all requests with the same block.
  virtual Ref<RequestHead> read_head(const FieldList& fields) = 0;
  // It may be too_large.
  virtual void head_came(Http2Stream& stream, const RequestHeadRef& head) = 0;
  // consume() them when more may come.
  virtual void data_came(Http2Stream& stream, std::span<const std::byte> bytes) = 0;
  virtual void request_ended(Http2Stream& stream) = 0;
  virtual Slice slice_of_reply(Http2Stream& stream, std::size_t bytes_max) = 0;
  virtual void write_slice(Http2Stream& stream, std::size_t bytes, OutQueue& out) = 0;
  // Must call trailers() or ok_trailers().
  virtual void end_reply(Http2Stream& stream) = 0;
  // Answered, reset, or malformed. Not called for what is open when the session goes.
  virtual void stream_closed(Http2Stream& stream) = 0;

 protected:
  ~Http2Handler() = default;
};

class Http2Session final : private FrameSink {
 public:
  struct Field {
    std::string_view name;
    std::string_view value;
  };

  Http2Session(Http2Handler& handler, OutQueue& out, const Http2Limits& limits);

  bool usable() const { return decoder_.usable(); }  // false: memory was gone
  void received(std::span<const std::byte> bytes, TimePoint now);
  // The peer does not speak HTTP/2; nothing was sent to it.
  bool bad_preface() const { return reader_.bad_preface(); }
  // Writes what replies have, as far as windows and out_bytes_max let it.
  void write();
  // Nothing more is to be read or written: the connection may be closed when `out` is sent.
  bool over() const { return failed_ || ((goaway_sent_ || goaway_came_) && streams_.size() == 0); }
  void tick() { control_frames_ = 0; }
  Http2Stream* find(std::int32_t id) const { return streams_.find(id); }  // null: not open

  // The head of a reply; its body follows by slices unless it `ends` here. At any time but once.
  void reply(Http2Stream& stream, std::span<const Field> fields, bool ends);
  void ok_reply(Http2Stream& stream);
  void trailers(Http2Stream& stream, std::span<const Field> fields);
  void ok_trailers(Http2Stream& stream);
  // There is something to be sliced again.
  void more(Http2Stream& stream);
  // Opens the stream's window again by what was received and is not needed any more.
  void consume(Http2Stream& stream, std::size_t bytes);
  // Ends the stream at once. Not while the handler is being told of it.
  void reset(Http2Stream& stream, Http2Error error);

  void goaway();  // takes no new streams
  void fail(Http2Error error);

 private:
  // Whose header block is under way, and what is to become of it.
  struct Block {
    enum class Of : std::uint8_t { request, trailers, nobody };
    std::int32_t stream = 0;
    Of of = Of::nobody;
    bool ends = false;                         // END_STREAM
    bool begun = false;                        // to be decoded
    Http2Error reset_with = Http2Error::none;  // nobody's: the stream is told so
  };

  Http2Error control(const FrameHead& head, std::span<const std::byte> payload) override;
  Http2Error began(const FrameHead& head) override;
  Http2Error data(const FrameHead& head, std::span<const std::byte> part, bool last) override;
  Http2Error block(std::span<const std::byte> part, bool whole, bool last) override;

  Http2Error headers_began(const FrameHead& head);
  Http2Error data_began(const FrameHead& head);
  Http2Error block_complete(std::span<const std::byte> part, bool whole);
  Http2Error head_complete(Http2Stream& stream, const RequestHeadRef& head);
  Http2Error end_request(Http2Stream& stream);
  Http2Error count_control_frame();
  Http2Error settings(std::span<const std::byte> payload);
  Http2Error setting(SettingId id, std::uint32_t value);
  Http2Error initial_window(std::uint32_t value);
  Http2Error window_update(std::int32_t id, std::int32_t increment);
  Http2Error rst_stream(std::int32_t id);
  Http2Error stream_error(std::int32_t id, Http2Error error);
  bool is_idle(std::int32_t id) const { return id % 2 == 0 || id > last_seen_; }

  void greet();
  void write_some(Http2Stream& stream);
  void finish(Http2Stream& stream);
  void close(Http2Stream& stream);
  void write_headers(const Http2Stream& stream, std::uint8_t flags);
  void write_frame(FrameType type, std::uint8_t flags, std::int32_t stream,
                   std::string_view payload);
  void write_number(FrameType type, std::int32_t stream, std::uint32_t number);
  std::string& begin_block();

  Http2Handler& handler_;
  OutQueue& out_;
  const Http2Limits limits_;
  FrameReader reader_;
  BlockDecoder decoder_;
  ReplyEncoder encoder_;
  StreamTable streams_;
  StreamLine ready_{Http2Stream::Waits::ready};
  StreamLine starved_{Http2Stream::Waits::for_connection_window};
  Block block_;
  std::string block_text_;  // of the reply that is being written
  TimePoint now_{};

  // Flow control of the connection; what the peer's settings say.
  std::int64_t send_window_ = kWindowDefault;
  std::int64_t receive_window_;
  std::int64_t unreturned_ = 0;
  std::int64_t peer_stream_window_ = kWindowDefault;
  std::uint32_t peer_frame_bytes_ = kFrameBytesDefault;

  std::int32_t last_seen_ = 0;   // stream number
  std::int32_t last_taken_ = 0;  // the last that was not ignored
  std::size_t frame_data_ = 0;   // of the DATA frame under way, without padding
  std::uint32_t control_frames_ = 0;
  ResetBudget resets_;
  bool greeted_ = false;
  bool goaway_sent_ = false;
  bool goaway_came_ = false;
  bool failed_ = false;
};

}  // namespace mlops
