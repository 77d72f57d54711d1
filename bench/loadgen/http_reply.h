// Incremental reader of HTTP/1.1 replies with a Content-Length. No sockets.
//
// Strict about what it needs and refuses what it does not know (chunked bodies, missing length): a
// load generator that guesses would count broken replies as successes. Bounded: a head over 16 KiB
// or a body over 256 MiB is malformed.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace mlops::loadgen {

struct HttpReply {
  int status = 0;
  std::span<const char> body;
  // Length of the JSON part when raw tensors follow it; body.size() when the reply is JSON alone,
  // and 0 when it is an octet stream that names no JSON part.
  std::size_t json_bytes = 0;
};

class HttpReplyReader {
 public:
  enum class State { kNeedMore, kReply, kMalformed };

  // Where to write received bytes; commit() says how many came.
  std::span<char> space(std::size_t at_least);
  void commit(std::size_t bytes) { filled_ += bytes; }

  // The next whole reply. It views this reader's buffer until pop() or space() is called.
  State next(HttpReply& reply);
  void pop();
  bool empty() const { return filled_ == taken_; }

 private:
  State parse_head(std::span<const char> head);

  std::string buffer_;
  std::size_t taken_ = 0;   // start of the reply being read
  std::size_t filled_ = 0;  // end of the bytes received
  std::size_t head_bytes_ = 0;
  std::size_t body_bytes_ = 0;
  std::size_t json_bytes_ = 0;
  int status_ = 0;
};

}  // namespace mlops::loadgen
