#pragma once
// One stream as HTTP/2 sees it. Whoever answers requests derives its own state from it.

#include <cstddef>
#include <cstdint>
#include <optional>

#include "h2/frame.h"

namespace mlops {

struct Http2Stream {
  std::int32_t id = 0;
  bool head_came = false;      // a second header block is the trailers
  bool request_ended = false;  // END_STREAM was received
  bool reply_begun = false;    // its header block is written
  bool reply_ended = false;    // END_STREAM is written; closed when both are
  std::int64_t send_window = kWindowDefault;
  std::int64_t receive_window = 0;  // what the peer may still send
  std::int64_t unreturned = 0;      // consumed, and not given back to the peer's window yet
  std::uint64_t body_bytes = 0;     // DATA received, without padding
  std::optional<std::uint64_t> content_length;

  // Where it waits to be written, if it does.
  enum class Waits : std::uint8_t { nowhere, ready, for_connection_window, for_its_window };
  Waits waits = Waits::nowhere;
  Http2Stream* before = nullptr;
  Http2Stream* behind = nullptr;
};

// Streams in the order of their turn. Intrusive: no allocation, and any stream leaves at once.
class StreamLine {
 public:
  explicit StreamLine(Http2Stream::Waits waits) : waits_(waits) {}

  bool empty() const { return first_ == nullptr; }
  Http2Stream* first() const { return first_; }
  void push(Http2Stream& stream) {
    stream.waits = waits_;
    stream.before = last_;
    stream.behind = nullptr;
    (last_ ? last_->behind : first_) = &stream;
    last_ = &stream;
  }
  void remove(Http2Stream& stream) {
    (stream.before ? stream.before->behind : first_) = stream.behind;
    (stream.behind ? stream.behind->before : last_) = stream.before;
    stream.before = stream.behind = nullptr;
    stream.waits = Http2Stream::Waits::nowhere;
  }

 private:
  const Http2Stream::Waits waits_;
  Http2Stream* first_ = nullptr;
  Http2Stream* last_ = nullptr;
};

}  // namespace mlops
