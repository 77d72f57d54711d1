#pragma once
// Takes a chunked body apart (RFC 9112, 7.1), incrementally and in bounded space. One thread.

#include <cstddef>
#include <cstdint>
#include <span>

#include "http/http_head.h"

namespace mlops {

class ChunkedDecoder {
 public:
  explicit ChunkedDecoder(std::size_t chunks_max) : chunks_max_(chunks_max) {}

  struct Step {
    std::size_t consumed = 0;
    std::span<const std::byte> payload;  // part of the input; empty when framing was consumed
  };
  // Takes something from the front of `input`. Consumes nothing only when it is empty, or the body
  // is done or refused.
  Step step(std::span<const std::byte> input);

  bool done() const { return state_ == State::done; }
  const HttpRefusal& refusal() const { return refusal_; }

 private:
  enum class State : std::uint8_t {
    size,            // hexadecimal digits
    extension,       // ";name=value", skipped
    size_line_feed,  // after its CR
    data,
    data_return,  // CR after a chunk's data
    data_line_feed,
    trailer,            // first character of a trailer line, or CR of the last, empty one
    trailer_text,       // skipped
    trailer_line_feed,  // after the CR of a trailer line
    last_line_feed,     // after the CR of the empty line
    done,
    refused,
  };

  void refuse(HttpRefusal why);
  void framing(char c);
  void size_ended();

  State state_ = State::size;
  std::size_t chunks_max_;
  std::size_t chunks_ = 0;
  std::uint64_t left_ = 0;  // of the chunk's data, or the size being read
  std::size_t digits_ = 0;
  std::size_t overhead_ = 0;  // extension and trailer bytes so far
  HttpRefusal refusal_;
};

}  // namespace mlops
