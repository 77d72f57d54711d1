#include "h2/frame_reader.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace mlops {
namespace {

constexpr std::size_t kGoawayHeadBytes = 8;

}  // namespace

Http2Error FrameReader::read(std::span<const std::byte> bytes, FrameSink& sink) {
  while (!bytes.empty()) {
    Http2Error error = Http2Error::none;
    switch (phase_) {
      case Phase::preface:
        error = read_preface(bytes);
        break;
      case Phase::head:
        error = read_head(bytes, sink);
        break;
      case Phase::prefix:
        error = read_prefix(bytes, sink);
        break;
      case Phase::body:
        error = read_body(bytes, sink);
        break;
      case Phase::skip: {
        const std::size_t part = std::min(left_, bytes.size());
        bytes = bytes.subspan(part);
        left_ -= part;
        if (left_ == 0) frame_ended();
        break;
      }
    }
    if (error != Http2Error::none) return error;
  }
  return Http2Error::none;
}

Http2Error FrameReader::read_preface(std::span<const std::byte>& bytes) {
  const std::size_t part = std::min(kHttp2Preface.size() - preface_seen_, bytes.size());
  if (std::memcmp(bytes.data(), kHttp2Preface.data() + preface_seen_, part) != 0) {
    bad_preface_ = true;
    return Http2Error::protocol;
  }
  preface_seen_ += part;
  bytes = bytes.subspan(part);
  if (greeted()) phase_ = Phase::head;
  return Http2Error::none;
}

std::span<const std::byte> FrameReader::gather(std::span<const std::byte>& bytes,
                                               std::size_t size) {
  if (kept_size_ == 0 && bytes.size() >= size) {
    const std::span<const std::byte> here = bytes.first(size);
    bytes = bytes.subspan(size);
    return here;
  }
  const std::size_t part = std::min(size - kept_size_, bytes.size());
  std::memcpy(kept_.data() + kept_size_, bytes.data(), part);
  kept_size_ += part;
  bytes = bytes.subspan(part);
  if (kept_size_ < size) return {};
  kept_size_ = 0;
  return std::span<const std::byte>(kept_).first(size);
}

Http2Error FrameReader::read_head(std::span<const std::byte>& bytes, FrameSink& sink) {
  const std::span<const std::byte> head = gather(bytes, kFrameHeadBytes);
  if (head.empty()) return Http2Error::none;
  head_ = read_frame_head(head);
  return begin(sink);
}

// What is wrong with a frame can be said before its payload has come.
Http2Error FrameReader::check_head() const {
  if (head_.length > frame_bytes_max_) return Http2Error::frame_size;
  if (!settings_seen_ && (head_.type != FrameType::settings || head_.has(kFlagAck))) {
    return Http2Error::protocol;  // the preface ends with SETTINGS
  }
  const bool continues = head_.type == FrameType::continuation;
  if (continues != (block_stream_ != 0) || (continues && head_.stream != block_stream_)) {
    return Http2Error::protocol;
  }
  return check_control();
}

Http2Error FrameReader::check_control() const {
  const auto stands = [this](bool on_stream, bool fits) {
    if (on_stream != (head_.stream != 0)) return Http2Error::protocol;
    return fits ? Http2Error::none : Http2Error::frame_size;
  };
  switch (head_.type) {
    case FrameType::data:
    case FrameType::headers:
    case FrameType::continuation:
      return stands(true, true);
    case FrameType::priority:
      return stands(true, head_.length == 5);
    case FrameType::rst_stream:
      return stands(true, head_.length == 4);
    case FrameType::settings:
      if (head_.length > kSettingsMax * kSettingBytes && head_.length % kSettingBytes == 0) {
        return Http2Error::enhance_your_calm;
      }
      return stands(false,
                    head_.has(kFlagAck) ? head_.length == 0 : head_.length % kSettingBytes == 0);
    case FrameType::push_promise:
      return Http2Error::protocol;  // a server's to send
    case FrameType::ping:
      return stands(false, head_.length == 8);
    case FrameType::goaway:
      return stands(false, head_.length >= kGoawayHeadBytes);
    case FrameType::window_update:
      return head_.length == 4 ? Http2Error::none : Http2Error::frame_size;
  }
  return Http2Error::none;  // unknown types are ignored
}

Http2Error FrameReader::begin(FrameSink& sink) {
  if (const Http2Error error = check_head(); error != Http2Error::none) return error;
  settings_seen_ = true;
  left_ = head_.length;
  padding_ = 0;
  switch (head_.type) {
    case FrameType::headers:
      block_stream_ = head_.stream;
      continuations_ = 0;
      block_parted_ = false;
      break;
    case FrameType::data:
      break;
    case FrameType::continuation:
      if (++continuations_ > kContinuationsMax) return Http2Error::enhance_your_calm;
      return enter_body(sink);
    default:
      return enter_body(sink);
  }
  if (const Http2Error error = sink.began(head_); error != Http2Error::none) return error;
  const bool prefixed =
      head_.has(kFlagPadded) || (head_.type == FrameType::headers && head_.has(kFlagPriority));
  if (!prefixed) return enter_body(sink);
  phase_ = Phase::prefix;
  return Http2Error::none;
}

// The length of the padding, and HTTP/2's old priorities, which nobody heeds.
Http2Error FrameReader::read_prefix(std::span<const std::byte>& bytes, FrameSink& sink) {
  const bool padded = head_.has(kFlagPadded);
  const bool ranked = head_.type == FrameType::headers && head_.has(kFlagPriority);
  const std::size_t size = (padded ? 1U : 0U) + (ranked ? 5U : 0U);
  if (head_.length < size) return Http2Error::frame_size;
  const std::span<const std::byte> prefix = gather(bytes, size);
  if (prefix.empty()) return Http2Error::none;
  left_ = head_.length - size;
  padding_ = padded ? std::to_integer<std::size_t>(prefix[0]) : 0;
  if (padding_ > left_) return Http2Error::protocol;
  left_ -= padding_;
  return enter_body(sink);
}

// An empty payload is complete without another byte.
Http2Error FrameReader::enter_body(FrameSink& sink) {
  phase_ = Phase::body;
  std::span<const std::byte> nothing;
  return left_ == 0 ? read_body(nothing, sink) : Http2Error::none;
}

Http2Error FrameReader::read_body(std::span<const std::byte>& bytes, FrameSink& sink) {
  switch (head_.type) {
    case FrameType::headers:
      if (head_.has(kFlagEndHeaders) && !block_parted_ && left_ > 0 && left_ <= kKeptBytes) {
        const std::span<const std::byte> block = gather(bytes, left_);
        if (block.empty()) return Http2Error::none;
        left_ = 0;
        return pass_on(block, sink);
      }
      [[fallthrough]];
    case FrameType::data:
    case FrameType::continuation: {
      const std::span<const std::byte> part = bytes.first(std::min(left_, bytes.size()));
      bytes = bytes.subspan(part.size());
      left_ -= part.size();
      return pass_on(part, sink);
    }
    case FrameType::priority:
    case FrameType::rst_stream:
    case FrameType::settings:
    case FrameType::ping:
    case FrameType::window_update:
    case FrameType::goaway: {
      const std::size_t size = std::min<std::size_t>(
          left_, head_.type == FrameType::goaway ? kGoawayHeadBytes : kKeptBytes);
      const std::span<const std::byte> payload =
          size == 0 ? std::span<const std::byte>() : gather(bytes, size);
      if (payload.size() < size) return Http2Error::none;
      padding_ = left_ - size;
      const Http2Error error = sink.control(head_, payload);
      frame_ended();
      return error;
    }
    default: {
      padding_ = std::exchange(left_, 0);
      const Http2Error error = sink.control(head_, {});
      frame_ended();
      return error;
    }
  }
}

Http2Error FrameReader::pass_on(std::span<const std::byte> part, FrameSink& sink) {
  const bool frame_complete = left_ == 0;
  Http2Error error = Http2Error::none;
  if (is_block()) {
    const bool last = frame_complete && head_.has(kFlagEndHeaders);
    error = sink.block(part, last && !block_parted_, last);
    block_parted_ = true;
    if (last) block_stream_ = 0;
  } else {
    error = sink.data(head_, part, frame_complete);
  }
  if (frame_complete) frame_ended();
  return error;
}

// What is left of the frame is nobody's: padding, debug data, payloads of unknown types.
void FrameReader::frame_ended() {
  left_ = std::exchange(padding_, 0);
  phase_ = left_ == 0 ? Phase::head : Phase::skip;
}

}  // namespace mlops
