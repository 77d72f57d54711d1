#include "http/chunked_decoder.h"

#include <algorithm>

#include "http/hex_digit.h"

namespace mlops {
namespace {

constexpr std::size_t kSizeDigitsMax = 15;  // more than any limit, less than overflow
constexpr std::size_t kOverheadBytesMax = 16384;
constexpr HttpRefusal kMalformed{400, "malformed chunked request body"};

}  // namespace

ChunkedDecoder::Step ChunkedDecoder::step(std::span<const std::byte> input) {
  if (state_ == State::done || state_ == State::refused || input.empty()) return {};
  if (state_ == State::data) {
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, input.size()));
    left_ -= size;
    if (left_ == 0) state_ = State::data_return;
    return {size, input.first(size)};
  }
  std::size_t consumed = 0;
  while (consumed < input.size() && state_ != State::data && state_ != State::done &&
         state_ != State::refused) {
    framing(static_cast<char>(input[consumed]));
    ++consumed;
  }
  return {consumed, {}};
}

void ChunkedDecoder::refuse(HttpRefusal why) {
  state_ = State::refused;
  refusal_ = why;
}

void ChunkedDecoder::framing(char c) {
  const auto expect = [&](char wanted, State next) {
    if (c != wanted) return refuse(kMalformed);
    state_ = next;
  };
  switch (state_) {
    case State::size:
      if (const int digit = hex_value(c); digit >= 0) {
        if (++digits_ > kSizeDigitsMax) return refuse({413, "a chunk's size is out of range"});
        left_ = left_ * 16 + static_cast<std::uint64_t>(digit);
      } else if (digits_ == 0) {
        refuse(kMalformed);
      } else if (c == ';') {
        state_ = State::extension;
      } else {
        expect('\r', State::size_line_feed);
      }
      return;
    case State::extension:
    case State::trailer_text:
      if (++overhead_ > kOverheadBytesMax) {
        return refuse({431, "too many bytes of chunk extensions and trailers"});
      }
      if (c == '\n') return refuse(kMalformed);
      if (c == '\r') {
        state_ = state_ == State::extension ? State::size_line_feed : State::trailer_line_feed;
      }
      return;
    case State::size_line_feed:
      if (c != '\n') return refuse(kMalformed);
      return size_ended();
    case State::data_return:
      return expect('\r', State::data_line_feed);
    case State::data_line_feed:
      return expect('\n', State::size);
    case State::trailer:
      state_ = c == '\r' ? State::last_line_feed : State::trailer_text;
      if (c == '\n') refuse(kMalformed);
      return;
    case State::trailer_line_feed:
      return expect('\n', State::trailer);
    case State::last_line_feed:
      return expect('\n', State::done);
    case State::data:
    case State::done:
    case State::refused:
      return;
  }
}

void ChunkedDecoder::size_ended() {
  digits_ = 0;
  if (left_ == 0) {
    state_ = State::trailer;
    return;
  }
  if (++chunks_ > chunks_max_) {
    return refuse({400, "Chunked request body exceeds maximum of 65536 non-empty chunks"});
  }
  state_ = State::data;
}

}  // namespace mlops
