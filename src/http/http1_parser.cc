#include "http/http1_parser.h"

#include <algorithm>
#include <cstring>

namespace mlops {
namespace {

constexpr std::size_t kFirstChunkedBytes = std::size_t{16} << 10;
constexpr HttpRefusal kTooLarge{413, "the request body exceeds the maximum allowed input size"};
constexpr HttpRefusal kTooLargeJson{
    400,
    "request JSON size exceeds the maximum allowed input size. Use --http-max-input-size to "
    "increase the limit."};

// A body without a header that says otherwise is all JSON (or is packed, and no smaller for that).
HttpRefusal too_large(const HttpHead& head) {
  return head.method == HttpMethod::post && !head.inference_header_length ? kTooLargeJson
                                                                          : kTooLarge;
}
constexpr HttpRefusal kNoMemory{503, "no memory is left for request bodies; retry later"};

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

Http1Parser::Http1Parser(const HttpLimits& limits, SlabPool& bodies, CopyMeter& copies)
    : limits_(limits), bodies_(bodies), copies_(copies) {}

std::span<std::byte> Http1Parser::space() {
  if (state_ == State::sized_body) return writable(body_).subspan(body_filled_);
  if (state_ != State::head || input_.empty()) return {};
  keep_input(1);
  if (!chunk_) return {};
  const std::size_t used = static_cast<std::size_t>(input_.data() - chunk_->data()) + input_.size();
  return writable(chunk_).subspan(used);
}

void Http1Parser::received_in_space(std::size_t bytes) {
  if (state_ == State::sized_body) {
    body_filled_ += bytes;
  } else {
    input_ = {input_.data(), input_.size() + bytes};
  }
}

void Http1Parser::received(std::span<const std::byte> bytes, const Buffer& chunk) {
  if (input_.empty()) {
    input_ = bytes;
    chunk_ = chunk;
    chunk_is_own_ = false;
    scanned_ = 0;
    return;
  }
  keep_input(bytes.size());
  if (!chunk_) return;
  const std::size_t used = static_cast<std::size_t>(input_.data() - chunk_->data()) + input_.size();
  std::memcpy(chunk_->data() + used, bytes.data(), bytes.size());
  input_ = {input_.data(), input_.size() + bytes.size()};
}

// Moves what waits to a chunk of our own that has room for `more` bytes behind it.
void Http1Parser::keep_input(std::size_t more) {
  if (chunk_is_own_) {
    const std::size_t begin = static_cast<std::size_t>(input_.data() - chunk_->data());
    if (begin + input_.size() + more <= chunk_->size()) return;
  }
  const std::size_t size = std::max(2 * limits_.head_bytes_max, 2 * (input_.size() + more));
  Buffer own = allocate_buffer(size);
  if (!own) {
    refuse(kNoMemory);
    chunk_ = nullptr;
    return;
  }
  std::memcpy(own->data(), input_.data(), input_.size());
  input_ = {own->data(), input_.size()};
  chunk_ = std::move(own);
  chunk_is_own_ = true;
}

Http1Parser::Event Http1Parser::next(HttpRequest& request) {
  switch (state_) {
    case State::head:
      return next_head(request);
    case State::sized_body:
      return body_filled_ == body_size_ ? emit_body(request) : Event::need_input;
    case State::chunked_body:
      return next_chunked(request);
    case State::refused:
      break;
  }
  return Event::refused;
}

Http1Parser::Event Http1Parser::next_head(HttpRequest& request) {
  // Some clients send an empty line after a body that they did not count.
  while (input_.size() >= 2 && as_text(input_).starts_with("\r\n")) {
    input_ = input_.subspan(2);
    scanned_ = 0;
  }
  const std::string_view text = as_text(input_);
  if (text.empty() || text == "\r") {
    if (text.empty()) chunk_ = nullptr;
    return Event::need_input;
  }
  // Refuse what can never become a request (a TLS handshake, say) without waiting for its end.
  if (text.front() <= ' ' || text.front() > '~') return refuse({400, "malformed request line"});
  const std::size_t end = text.find("\r\n\r\n", scanned_ < 3 ? 0 : scanned_ - 3);
  // The last three bytes may be a part of the end, which does not count.
  const std::size_t least = end == text.npos ? std::max<std::size_t>(text.size(), 3) - 3 : end;
  if (least > limits_.head_bytes_max) {
    return refuse({431, "the request's headers are too large"});
  }
  if (end == text.npos) {
    scanned_ = text.size();
    return Event::need_input;
  }
  const std::string_view head_bytes = text.substr(0, end + 4);
  if (const HttpRefusal refusal = parse_http_head(head_bytes, head_)) return refuse(refusal);
  const std::uint64_t length = head_.content_length.value_or(0);
  if (length > limits_.body_bytes_max) return refuse(too_large(head_));
  body_size_ = static_cast<std::size_t>(length);
  if (head_.chunked || text.size() - head_bytes.size() < body_size_) {
    const Event event = begin_body(head_bytes);
    return event == Event::refused || !head_.chunked ? event : next_chunked(request);
  }
  request.head = head_;
  request.owner = chunk_;
  request.body = input_.subspan(head_bytes.size(), body_size_);
  input_ = input_.subspan(head_bytes.size() + body_size_);
  scanned_ = 0;
  return Event::request;
}

// The body is still on its way: put the head aside and make room.
Http1Parser::Event Http1Parser::begin_body(std::string_view head_bytes) {
  const std::span<const std::byte> rest = input_.subspan(head_bytes.size());
  head_text_.assign(head_bytes);
  if (const HttpRefusal refusal = parse_http_head(head_text_, head_)) return refuse(refusal);
  if (const HttpRefusal refusal = gate_ ? gate_->judge_head(head_) : HttpRefusal{}) {
    return refuse(refusal);
  }
  continue_due_ = head_.expects_continue;
  body_filled_ = 0;
  if (head_.chunked) {
    chunks_.emplace(limits_.chunks_max);
    state_ = State::chunked_body;
    input_ = rest;
    return Event::need_input;
  }
  body_ = bodies_.acquire(body_size_);
  if (!body_) return refuse(kNoMemory);
  state_ = State::sized_body;
  if (!append_to_body(rest)) return refuse(kNoMemory);
  input_ = {};
  chunk_ = nullptr;
  return Event::need_input;
}

Http1Parser::Event Http1Parser::next_chunked(HttpRequest& request) {
  while (!input_.empty() && !chunks_->done()) {
    const ChunkedDecoder::Step step = chunks_->step(input_);
    if (chunks_->refusal()) return refuse(chunks_->refusal());
    if (step.payload.size() > limits_.body_bytes_max - body_filled_) {
      return refuse(too_large(head_));
    }
    if (!append_to_body(step.payload)) return refuse(kNoMemory);
    input_ = input_.subspan(step.consumed);
  }
  if (chunks_->done()) return emit_body(request);
  chunk_ = nullptr;
  return Event::need_input;
}

bool Http1Parser::append_to_body(std::span<const std::byte> bytes) {
  if (bytes.empty()) return true;
  const std::size_t capacity = body_ ? body_->size() : 0;
  if (body_filled_ + bytes.size() > capacity) {
    Buffer larger =
        bodies_.acquire(std::max({kFirstChunkedBytes, 2 * capacity, body_filled_ + bytes.size()}));
    if (!larger) return false;
    if (body_filled_ > 0) {
      std::memcpy(larger->data(), body_->data(), body_filled_);
      copies_.add(CopySite::http_body, body_filled_);
    }
    body_ = std::move(larger);
  }
  std::memcpy(body_->data() + body_filled_, bytes.data(), bytes.size());
  copies_.add(CopySite::http_body, bytes.size());
  body_filled_ += bytes.size();
  return true;
}

Http1Parser::Event Http1Parser::emit_body(HttpRequest& request) {
  request.head = head_;
  request.owner = std::move(body_);
  request.body =
      request.owner ? writable(request.owner).first(body_filled_) : std::span<std::byte>{};
  body_ = nullptr;
  body_filled_ = 0;
  chunks_.reset();
  continue_due_ = false;
  scanned_ = 0;
  state_ = State::head;
  return Event::request;
}

Http1Parser::Event Http1Parser::refuse(HttpRefusal why) {
  refusal_ = why;
  state_ = State::refused;
  input_ = {};
  body_ = nullptr;
  return Event::refused;
}

}  // namespace mlops
