// What Http2Session writes: replies in turn, as windows let them, and its own frames.

#include <algorithm>
#include <array>

#include "h2/http2_session.h"
#include "h2/windows.h"

namespace mlops {
namespace {

void put_u32(char* at, std::uint32_t value) {
  for (int i = 0; i < 4; ++i) at[i] = static_cast<char>(value >> (24 - 8 * i));
}

void put_frame_head(char* at, std::size_t length, FrameType type, std::uint8_t flags,
                    std::int32_t stream) {
  at[0] = static_cast<char>(length >> 16);
  at[1] = static_cast<char>(length >> 8);
  at[2] = static_cast<char>(length);
  at[3] = static_cast<char>(type);
  at[4] = static_cast<char>(flags);
  put_u32(at + 5, static_cast<std::uint32_t>(stream));
}

struct Setting {
  SettingId id;
  std::uint32_t value;
};

}  // namespace

void Http2Session::write_frame(FrameType type, std::uint8_t flags, std::int32_t stream,
                               std::string_view payload) {
  std::array<char, kFrameHeadBytes> head;
  put_frame_head(head.data(), payload.size(), type, flags, stream);
  out_.append({head.data(), head.size()});
  out_.append(payload);
}

void Http2Session::write_number(FrameType type, std::int32_t stream, std::uint32_t number) {
  std::array<char, 4> payload;
  put_u32(payload.data(), number);
  write_frame(type, 0, stream, {payload.data(), payload.size()});
}

void Http2Session::greet() {
  if (std::exchange(greeted_, true)) return;
  const std::array<Setting, 5> settings = {{
      {SettingId::max_concurrent_streams, limits_.streams_max},
      {SettingId::initial_window_size, static_cast<std::uint32_t>(kOurStreamWindow)},
      {SettingId::max_frame_size, kOurFrameBytes},
      {SettingId::max_header_list_size, static_cast<std::uint32_t>(limits_.header_bytes_max)},
      {SettingId::no_rfc7540_priorities, 1},
  }};
  std::array<char, settings.size() * kSettingBytes> payload;
  char* at = payload.data();
  for (const Setting& setting : settings) {
    at[0] = 0;
    at[1] = static_cast<char>(setting.id);
    put_u32(at + 2, setting.value);
    at += kSettingBytes;
  }
  write_frame(FrameType::settings, 0, 0, {payload.data(), payload.size()});
  write_number(FrameType::window_update, 0,
               static_cast<std::uint32_t>(kOurConnectionWindow - kWindowDefault));
}

void Http2Session::goaway() {
  if (std::exchange(goaway_sent_, true) || failed_) return;
  std::array<char, 8> payload;
  put_u32(payload.data(), static_cast<std::uint32_t>(last_taken_));
  put_u32(payload.data() + 4, static_cast<std::uint32_t>(Http2Error::none));
  greet();
  write_frame(FrameType::goaway, 0, 0, {payload.data(), payload.size()});
}

void Http2Session::fail(Http2Error error) {
  if (std::exchange(failed_, true)) return;
  std::array<char, 8> payload;
  put_u32(payload.data(), static_cast<std::uint32_t>(last_taken_));
  put_u32(payload.data() + 4, static_cast<std::uint32_t>(error));
  greet();
  write_frame(FrameType::goaway, 0, 0, {payload.data(), payload.size()});
}

// Room for the frame's head comes first.
std::string& Http2Session::begin_block() {
  block_text_.assign(kFrameHeadBytes, '\0');
  encoder_.begin(block_text_);
  return block_text_;
}

void Http2Session::write_headers(const Http2Stream& stream, std::uint8_t flags) {
  const std::size_t size = block_text_.size() - kFrameHeadBytes;
  if (size <= peer_frame_bytes_) {
    put_frame_head(block_text_.data(), size, FrameType::headers, flags | kFlagEndHeaders,
                   stream.id);
    return out_.append(block_text_);
  }
  std::string_view rest = std::string_view(block_text_).substr(kFrameHeadBytes);
  write_frame(FrameType::headers, flags, stream.id, rest.substr(0, peer_frame_bytes_));
  for (rest.remove_prefix(peer_frame_bytes_); !rest.empty();) {
    const std::string_view part = rest.substr(0, peer_frame_bytes_);
    rest.remove_prefix(part.size());
    write_frame(FrameType::continuation, rest.empty() ? kFlagEndHeaders : 0, stream.id, part);
  }
}

void Http2Session::reply(Http2Stream& stream, std::span<const Field> fields, bool ends) {
  if (failed_) return;
  std::string& block = begin_block();
  for (const Field& field : fields) encoder_.field(block, field.name, field.value);
  write_headers(stream, ends ? kFlagEndStream : 0);
  stream.reply_begun = true;
  stream.reply_ended = ends;
  if (stream.waits == Http2Stream::Waits::nowhere) ready_.push(stream);
}

void Http2Session::ok_reply(Http2Stream& stream) {
  if (failed_) return;
  encoder_.ok_head(begin_block());
  write_headers(stream, 0);
  stream.reply_begun = true;
  if (stream.waits == Http2Stream::Waits::nowhere) ready_.push(stream);
}

void Http2Session::trailers(Http2Stream& stream, std::span<const Field> fields) {
  std::string& block = begin_block();
  for (const Field& field : fields) encoder_.field(block, field.name, field.value);
  write_headers(stream, kFlagEndStream);
  stream.reply_ended = true;
}

void Http2Session::ok_trailers(Http2Stream& stream) {
  encoder_.ok_trailer(begin_block());
  write_headers(stream, kFlagEndStream);
  stream.reply_ended = true;
}

void Http2Session::more(Http2Stream& stream) {
  const bool idle = stream.waits == Http2Stream::Waits::nowhere;
  if (idle && stream.reply_begun && !stream.reply_ended) ready_.push(stream);
}

void Http2Session::consume(Http2Stream& stream, std::size_t bytes) {
  stream.unreturned += static_cast<std::int64_t>(bytes);
  if (stream.unreturned < kOurStreamWindow / 2 || stream.request_ended || failed_) return;
  stream.receive_window += stream.unreturned;
  write_number(FrameType::window_update, stream.id, static_cast<std::uint32_t>(stream.unreturned));
  stream.unreturned = 0;
}

void Http2Session::reset(Http2Stream& stream, Http2Error error) {
  if (failed_) return;
  write_number(FrameType::rst_stream, stream.id, static_cast<std::uint32_t>(error));
  close(stream);
}

void Http2Session::write() {
  while (!ready_.empty() && !failed_ && out_.size() < limits_.out_bytes_max) {
    Http2Stream& stream = *ready_.first();
    ready_.remove(stream);
    if (!stream.reply_ended) write_some(stream);
    if (stream.reply_ended) finish(stream);
  }
}

// One frame, and then it is the next stream's turn.
void Http2Session::write_some(Http2Stream& stream) {
  const std::int64_t room =
      std::min({send_window_, stream.send_window, static_cast<std::int64_t>(peer_frame_bytes_),
                static_cast<std::int64_t>(kOurFrameBytes)});
  const Http2Handler::Slice slice =
      handler_.slice_of_reply(stream, static_cast<std::size_t>(std::max<std::int64_t>(room, 0)));
  if (slice.bytes > 0) {
    std::array<char, kFrameHeadBytes> head;
    put_frame_head(head.data(), slice.bytes, FrameType::data, 0, stream.id);
    out_.append({head.data(), head.size()});
    handler_.write_slice(stream, slice.bytes, out_);
    send_window_ -= static_cast<std::int64_t>(slice.bytes);
    stream.send_window -= static_cast<std::int64_t>(slice.bytes);
  }
  if (slice.last) return handler_.end_reply(stream);
  if (slice.bytes > 0) return ready_.push(stream);
  if (!slice.more) return;  // more() says when there is
  if (stream.send_window <= 0) {
    stream.waits = Http2Stream::Waits::for_its_window;
  } else {
    starved_.push(stream);
  }
}

// A reply that is complete while its request is not: the client need not send the rest.
void Http2Session::finish(Http2Stream& stream) {
  if (!stream.request_ended) {
    write_number(FrameType::rst_stream, stream.id, static_cast<std::uint32_t>(Http2Error::none));
  }
  close(stream);
}

}  // namespace mlops
