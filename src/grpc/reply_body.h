#pragma once
// The message bytes of one reply, given out in the slices that HTTP/2 frames allow: text is copied,
// tensors go out as views. One thread.

#include <cstddef>
#include <string>
#include <string_view>

#include "net/out_queue.h"
#include "protocol/compression.h"
#include "protocol/grpc_infer.h"

namespace mlops {

class ReplyBody {
 public:
  void set(GrpcInferReply&& reply);
  // The same for a reply that is made in place: make it in room(), then begin().
  GrpcInferReply& room() { return reply_; }
  void begin();
  void set_message(std::string_view message);  // adds the five-byte prefix

  // Replaces the message, of which nothing was taken, by a smaller one. False when there is none.
  bool compress(Coding coding);

  std::size_t left() const { return left_; }
  // Moves the next `bytes` (at most left()) to `out`.
  void take(std::size_t bytes, OutQueue& out);

 private:
  GrpcInferReply reply_;
  std::size_t left_ = 0;
  std::size_t piece_ = 0;      // pieces before it are given out
  std::size_t text_at_ = 0;    // text before it is given out
  std::size_t tensor_at_ = 0;  // of the current piece's tensor
};

}  // namespace mlops
