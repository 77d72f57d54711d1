#pragma once
// HTTP/1 requests out of a stream of bytes, however they are cut. No sockets.
//
// A request that arrived whole is parsed where it lies: head and body are views of the received
// chunk. A body that did not is received straight into one buffer of its announced length; only the
// part that came with the head is copied (counted as http_body). One thread.

#include <cstddef>
#include <optional>
#include <span>
#include <string>

#include "http/chunked_decoder.h"
#include "http/http_head.h"
#include "tensor/buffer.h"
#include "tensor/copy_meter.h"
#include "tensor/slab_pool.h"

namespace mlops {

struct HttpLimits {
  std::size_t head_bytes_max = std::size_t{16} << 10;
  std::size_t body_bytes_max = std::size_t{64} << 20;
  std::size_t chunks_max = 65536;  // non-empty chunks of one body
};

// Views are valid until the parser's next call; `body` for as long as `owner` is held.
struct HttpRequest {
  HttpHead head;
  std::span<const std::byte> body;
  Buffer owner;
};

// Asked about a request whose body is still on its way, before there is memory for it.
class HeadGate {
 public:
  virtual HttpRefusal judge_head(const HttpHead& head) = 0;  // the text lives until the next call

 protected:
  ~HeadGate() = default;
};

class Http1Parser {
 public:
  enum class Event { need_input, request, refused };

  // `bodies` and `copies` must outlive the parser. A body that `bodies` has no room for is refused.
  Http1Parser(const HttpLimits& limits, SlabPool& bodies, CopyMeter& copies);

  void set_gate(HeadGate* gate) { gate_ = gate; }

  // Where input must go when not empty, see Session::space().
  std::span<std::byte> space();
  void received_in_space(std::size_t bytes);
  void received(std::span<const std::byte> bytes, const Buffer& chunk);

  // Call until it needs input. After `refused` the connection is of no further use.
  Event next(HttpRequest& request);
  const HttpRefusal& refusal() const { return refusal_; }

  bool mid_request() const { return state_ != State::head || !input_.empty(); }
  // The head is complete, its body is not.
  bool in_body() const { return state_ == State::sized_body || state_ == State::chunked_body; }
  // How many bytes the request being received will have; 0 when it did not say.
  std::size_t announced_bytes() const { return state_ == State::sized_body ? body_size_ : 0; }
  // True once per request whose client waits for "100 Continue" before it sends the body.
  bool take_continue() { return std::exchange(continue_due_, false); }

 private:
  enum class State : std::uint8_t { head, sized_body, chunked_body, refused };

  Event next_head(HttpRequest& request);
  Event next_chunked(HttpRequest& request);
  Event begin_body(std::string_view head_bytes);
  Event emit_body(HttpRequest& request);
  Event refuse(HttpRefusal why);
  bool append_to_body(std::span<const std::byte> bytes);
  void keep_input(std::size_t more);

  HttpLimits limits_;
  SlabPool& bodies_;
  CopyMeter& copies_;
  HeadGate* gate_ = nullptr;
  State state_ = State::head;

  Buffer chunk_;  // holds input_
  std::span<const std::byte> input_;
  bool chunk_is_own_ = false;  // chunk_ is ours alone to append to
  std::size_t scanned_ = 0;    // of input_, searched for the end of the head

  std::string head_text_;  // the head, when its body did not come with it
  HttpHead head_;
  Buffer body_;
  std::size_t body_size_ = 0;  // announced
  std::size_t body_filled_ = 0;
  std::optional<ChunkedDecoder> chunks_;
  bool continue_due_ = false;
  HttpRefusal refusal_;
};

}  // namespace mlops
