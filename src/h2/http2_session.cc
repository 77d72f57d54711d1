// What Http2Session does with the frames that come; see http2_writing.cc for the other direction.

#include "h2/http2_session.h"

#include <algorithm>

#include "h2/windows.h"

namespace mlops {
namespace {

// A header block that is larger is not read to its end, though that ends the connection: decoding
// costs, and the rest of the connection waits for it.
constexpr std::size_t kBlockBytesMax = std::size_t{1} << 20;

}  // namespace

Http2Session::Http2Session(Http2Handler& handler, OutQueue& out, const Http2Limits& limits)
    : handler_(handler),
      out_(out),
      limits_(limits),
      reader_(kOurFrameBytes),
      receive_window_(kOurConnectionWindow) {}

void Http2Session::received(std::span<const std::byte> bytes, TimePoint now) {
  if (failed_) return;
  now_ = now;
  const Http2Error error = reader_.read(bytes, *this);
  if (error != Http2Error::none && !bad_preface()) fail(error);
}

Http2Error Http2Session::began(const FrameHead& head) {
  return head.type == FrameType::headers ? headers_began(head) : data_began(head);
}

// What is ignored must be decoded all the same, for the table of the blocks after it.
Http2Error Http2Session::headers_began(const FrameHead& head) {
  const bool ends = head.has(kFlagEndStream);
  block_ = {.stream = head.stream, .of = Block::Of::nobody, .ends = ends};
  if (head.stream % 2 == 0) return Http2Error::protocol;
  if (const Http2Stream* stream = streams_.find(head.stream)) {
    if (stream->request_ended) {
      block_.reset_with = Http2Error::stream_closed;
    } else if (!ends) {
      block_.reset_with = Http2Error::protocol;  // trailers that do not end
    } else {
      block_.of = Block::Of::trailers;
    }
    return Http2Error::none;
  }
  if (head.stream <= last_seen_) {  // closed before the peer knew
    return count_control_frame();
  }
  last_seen_ = head.stream;
  if (goaway_sent_) return Http2Error::none;
  last_taken_ = head.stream;
  if (streams_.size() >= limits_.streams_max) {
    block_.reset_with = Http2Error::refused_stream;
    return Http2Error::none;
  }
  block_.of = Block::Of::request;
  Http2Stream& stream = handler_.stream_began(head.stream);
  stream = Http2Stream();
  stream.id = head.stream;
  stream.send_window = peer_stream_window_;
  stream.receive_window = kOurStreamWindow;
  streams_.insert(stream);
  return Http2Error::none;
}

Http2Error Http2Session::block(std::span<const std::byte> part, bool whole, bool last) {
  if (whole && block_.of != Block::Of::trailers) {
    if (const RequestHeadRef* head = decoder_.known(part)) {
      if (block_.of == Block::Of::nobody) return stream_error(block_.stream, block_.reset_with);
      Http2Stream* stream = streams_.find(block_.stream);
      return stream ? head_complete(*stream, *head) : Http2Error::none;
    }
  }
  if (!std::exchange(block_.begun, true)) {
    decoder_.begin(
        block_.of == Block::Of::trailers ? FieldRules::Of::trailers : FieldRules::Of::request,
        limits_.header_bytes_max);
  }
  if (const Http2Error error = decoder_.decode(part, whole, last); error != Http2Error::none) {
    return error;
  }
  if (decoder_.block_bytes() > std::max(kBlockBytesMax, limits_.header_bytes_max)) {
    return Http2Error::enhance_your_calm;
  }
  return last ? block_complete(part, whole) : Http2Error::none;
}

Http2Error Http2Session::block_complete(std::span<const std::byte> part, bool whole) {
  if (block_.of == Block::Of::nobody) return stream_error(block_.stream, block_.reset_with);
  Http2Stream* stream = streams_.find(block_.stream);
  if (!stream) return Http2Error::none;  // it was reset between the parts
  if (!decoder_.rules().complete()) return stream_error(stream->id, Http2Error::protocol);
  if (block_.of == Block::Of::trailers) return end_request(*stream);
  const Ref<RequestHead> head = handler_.read_head(decoder_.fields());
  head->content_length = decoder_.rules().content_length();
  head->too_large = decoder_.fields().too_large();
  if (whole && !head->too_large) decoder_.remember(part, head);
  return head_complete(*stream, head);
}

Http2Error Http2Session::head_complete(Http2Stream& stream, const RequestHeadRef& head) {
  const bool ends = block_.ends;
  stream.head_came = true;
  stream.content_length = head->content_length;
  handler_.head_came(stream, head);
  return ends ? end_request(stream) : Http2Error::none;
}

Http2Error Http2Session::end_request(Http2Stream& stream) {
  if (stream.content_length && *stream.content_length != stream.body_bytes) {
    return stream_error(stream.id, Http2Error::protocol);
  }
  stream.request_ended = true;
  handler_.request_ended(stream);
  return Http2Error::none;
}

// The connection's window is given back at once: what may be under way is each stream's to bound.
Http2Error Http2Session::data_began(const FrameHead& head) {
  frame_data_ = 0;
  if (is_idle(head.stream)) return Http2Error::protocol;
  receive_window_ -= head.length;
  if (receive_window_ < 0) return Http2Error::flow_control;
  unreturned_ += head.length;
  if (unreturned_ >= kOurConnectionWindow / 2) {
    receive_window_ += unreturned_;
    write_number(FrameType::window_update, 0, static_cast<std::uint32_t>(unreturned_));
    unreturned_ = 0;
  }
  const bool idles = head.length == 0 && !head.has(kFlagEndStream);
  if (idles && count_control_frame() != Http2Error::none) return Http2Error::enhance_your_calm;
  Http2Stream* stream = streams_.find(head.stream);
  if (!stream) return Http2Error::none;  // closed before the peer knew
  if (stream->request_ended) return stream_error(stream->id, Http2Error::stream_closed);
  stream->receive_window -= head.length;
  if (stream->receive_window < 0) return stream_error(stream->id, Http2Error::flow_control);
  return Http2Error::none;
}

Http2Error Http2Session::data(const FrameHead& head, std::span<const std::byte> part, bool last) {
  frame_data_ += part.size();
  Http2Stream* stream = streams_.find(head.stream);
  if (!stream) return Http2Error::none;
  stream->body_bytes += part.size();
  if (stream->content_length && stream->body_bytes > *stream->content_length) {
    return stream_error(stream->id, Http2Error::protocol);
  }
  if (!part.empty()) handler_.data_came(*stream, part);
  if (!last) return Http2Error::none;
  if (head.length > frame_data_) consume(*stream, head.length - frame_data_);
  return head.has(kFlagEndStream) ? end_request(*stream) : Http2Error::none;
}

Http2Error Http2Session::control(const FrameHead& head, std::span<const std::byte> payload) {
  if (head.type == FrameType::window_update) {
    return window_update(head.stream, read_u31(payload));
  }
  if (count_control_frame() != Http2Error::none) return Http2Error::enhance_your_calm;
  switch (head.type) {
    case FrameType::settings:
      greet();
      if (head.has(kFlagAck)) break;
      return settings(payload);
    case FrameType::ping:
      if (head.has(kFlagAck)) break;
      write_frame(FrameType::ping, kFlagAck, 0,
                  {reinterpret_cast<const char*>(payload.data()), payload.size()});
      break;
    case FrameType::rst_stream:
      return rst_stream(head.stream);
    case FrameType::goaway:
      goaway_came_ = true;
      break;
    default:
      break;  // PRIORITY, and what we do not know
  }
  return Http2Error::none;
}

Http2Error Http2Session::count_control_frame() {
  return ++control_frames_ < limits_.control_frames_max ? Http2Error::none
                                                        : Http2Error::enhance_your_calm;
}

Http2Error Http2Session::settings(std::span<const std::byte> payload) {
  for (; !payload.empty(); payload = payload.subspan(kSettingBytes)) {
    const auto id = static_cast<SettingId>(read_u16(payload));
    const Http2Error error = setting(id, read_u32(payload.subspan(2)));
    if (error != Http2Error::none) return error;
  }
  write_frame(FrameType::settings, kFlagAck, 0, {});
  return Http2Error::none;
}

Http2Error Http2Session::setting(SettingId id, std::uint32_t value) {
  switch (id) {
    case SettingId::header_table_size:
      encoder_.peer_table_size(value);
      break;
    case SettingId::enable_push:
    case SettingId::no_rfc7540_priorities:
      if (value > 1) return Http2Error::protocol;
      break;
    case SettingId::initial_window_size:
      return initial_window(value);
    case SettingId::max_frame_size:
      if (value < kFrameBytesDefault || value > kFrameBytesLimit) return Http2Error::protocol;
      peer_frame_bytes_ = value;
      break;
    case SettingId::max_concurrent_streams:
    case SettingId::max_header_list_size:
      break;  // we open no streams, and our header blocks are small
  }
  return Http2Error::none;
}

// Moves the windows of all streams; they may become negative.
Http2Error Http2Session::initial_window(std::uint32_t value) {
  if (value > kWindowMax) return Http2Error::flow_control;
  const std::int64_t delta = value - std::exchange(peer_stream_window_, value);
  bool overflown = false;
  streams_.each([&](Http2Stream& stream) {
    stream.send_window += delta;
    overflown |= stream.send_window > kWindowMax;
    if (stream.waits == Http2Stream::Waits::for_its_window && stream.send_window > 0) {
      ready_.push(stream);
    }
  });
  return overflown ? Http2Error::flow_control : Http2Error::none;
}

Http2Error Http2Session::window_update(std::int32_t id, std::int32_t increment) {
  if (id == 0) {
    if (increment == 0) return Http2Error::protocol;
    send_window_ += increment;
    if (send_window_ > kWindowMax) return Http2Error::flow_control;
    while (send_window_ > 0 && !starved_.empty()) {
      Http2Stream& stream = *starved_.first();
      starved_.remove(stream);
      ready_.push(stream);
    }
    return Http2Error::none;
  }
  if (is_idle(id)) return Http2Error::protocol;
  Http2Stream* stream = streams_.find(id);
  if (!stream) return Http2Error::none;
  if (increment == 0) return stream_error(id, Http2Error::protocol);
  stream->send_window += increment;
  if (stream->send_window > kWindowMax) return stream_error(id, Http2Error::flow_control);
  if (stream->waits == Http2Stream::Waits::for_its_window && stream->send_window > 0) {
    ready_.push(*stream);
  }
  return Http2Error::none;
}

Http2Error Http2Session::rst_stream(std::int32_t id) {
  if (is_idle(id)) return Http2Error::protocol;
  Http2Stream* stream = streams_.find(id);
  if (!stream) return Http2Error::none;
  close(*stream);
  return resets_.take(now_) ? Http2Error::none : Http2Error::enhance_your_calm;
}

// The client's doing, whichever side it is that resets: both are counted.
Http2Error Http2Session::stream_error(std::int32_t id, Http2Error error) {
  if (error == Http2Error::none) return Http2Error::none;
  write_number(FrameType::rst_stream, id, static_cast<std::uint32_t>(error));
  if (Http2Stream* stream = streams_.find(id)) close(*stream);
  // One that opened too many streams before it knew how many it may is refused, and no attacker.
  if (error == Http2Error::refused_stream) return count_control_frame();
  return resets_.take(now_) ? Http2Error::none : Http2Error::enhance_your_calm;
}

void Http2Session::close(Http2Stream& stream) {
  if (stream.waits == Http2Stream::Waits::ready) ready_.remove(stream);
  if (stream.waits == Http2Stream::Waits::for_connection_window) starved_.remove(stream);
  streams_.erase(stream.id);
  handler_.stream_closed(stream);
}

}  // namespace mlops
