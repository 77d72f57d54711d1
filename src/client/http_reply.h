#pragma once
// An HTTP/1.1 reply out of a stream of bytes, however they are cut. No sockets; one thread. Strict:
// what a collector or an object store sends is input like any other.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "http/chunked_decoder.h"

namespace mlops {

struct HttpReplyHead {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case

  std::string_view header(std::string_view lower_name) const;  // empty: not there
};

class HttpReplyParser {
 public:
  // Takes a piece of the body; an error ends the parse with it.
  using Body = std::function<Status(std::string_view piece)>;

  // `bodyless`: the request was a HEAD.
  HttpReplyParser(bool bodyless, Body body);

  Status received(std::string_view bytes);
  Status closed();  // the peer sends no more

  bool done() const { return state_ == State::done; }
  bool begun() const { return begun_; }  // a byte has come
  // Valid once the head has ended.
  const HttpReplyHead& head() const { return head_; }
  // Once done: nothing more came, and the peer did not say that it closes.
  bool reusable() const { return done() && reusable_; }

 private:
  enum class State : std::uint8_t { head, sized, chunked, until_close, done };

  Status take_head();
  Status parse_head(std::string_view text);
  Status read_framing();
  Status take_chunks(std::string_view bytes);

  const bool bodyless_;
  Body body_;
  State state_ = State::head;
  std::string input_;  // of the head; afterwards unused
  HttpReplyHead head_;
  std::uint64_t left_ = 0;
  ChunkedDecoder chunks_;
  bool begun_ = false;
  bool reusable_ = true;
};

}  // namespace mlops
