#pragma once
// Length-prefixed gRPC messages out of the DATA of a stream, one after the other. A message that
// arrived in one piece is a view of the received chunk; one that did not is assembled into a buffer
// of its announced length (counted as http_body). One thread.

#include <array>
#include <cstddef>
#include <optional>
#include <span>

#include "base/status.h"
#include "protocol/compression.h"
#include "tensor/buffer.h"
#include "tensor/copy_meter.h"
#include "tensor/slab_pool.h"

namespace mlops {

class MessageAssembler {
 public:
  // Takes what belongs to the message and says how many of the `bytes`, which lie in `chunk`, that
  // was. Fails when the message is larger than `bytes_max`, or without memory in `bodies`; the
  // assembler is of no use afterwards.
  Result<std::size_t> take(std::span<const std::byte> bytes, const Buffer& chunk,
                           std::size_t bytes_max, SlabPool& bodies, CopyMeter& copies);
  // The same for calls with one message: fails when another one follows.
  Status add(std::span<const std::byte> bytes, const Buffer& chunk, std::size_t bytes_max,
             SlabPool& bodies, CopyMeter& copies);

  bool complete() const { return prefix_filled_ == prefix_.size() && filled_ == size_; }
  bool empty() const { return prefix_filled_ == 0; }
  std::span<const std::byte> message() const { return message_; }  // once complete
  const Buffer& owner() const { return owner_; }                   // holds message()
  bool compressed() const { return compressed_; }
  // Makes of a complete message what it was before it was compressed. `encoding` is the stream's;
  // nullopt when it is unknown.
  Status decompress(std::optional<Coding> encoding, std::size_t bytes_max, SlabPool& bodies);
  void reset() { *this = MessageAssembler(); }

 private:
  Status read_prefix(std::size_t bytes_max);

  std::array<std::byte, 5> prefix_{};
  std::size_t prefix_filled_ = 0;
  bool compressed_ = false;
  std::size_t size_ = 0;    // of the message, once the prefix is known
  std::size_t filled_ = 0;  // of it
  std::span<const std::byte> message_;
  Buffer owner_;
};

}  // namespace mlops
