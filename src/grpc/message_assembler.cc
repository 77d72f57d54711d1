#include "grpc/message_assembler.h"

#include <algorithm>
#include <cstring>

namespace mlops {

Status MessageAssembler::read_prefix(std::size_t bytes_max) {
  const auto byte = [this](std::size_t i) { return std::to_integer<std::size_t>(prefix_[i]); };
  compressed_ = byte(0) == 1;
  if (byte(0) > 1) return Status::internal("the message's compressed flag is neither 0 nor 1");
  size_ = byte(1) << 24 | byte(2) << 16 | byte(3) << 8 | byte(4);
  if (size_ > bytes_max) {
    return Status::resource_exhausted("the message of " + std::to_string(size_) +
                                      " bytes exceeds the maximum allowed input size of " +
                                      std::to_string(bytes_max));
  }
  return {};
}

Result<std::size_t> MessageAssembler::take(std::span<const std::byte> bytes, const Buffer& chunk,
                                           std::size_t bytes_max, SlabPool& bodies,
                                           CopyMeter& copies) {
  std::size_t taken = 0;
  if (prefix_filled_ < prefix_.size()) {
    taken = std::min(prefix_.size() - prefix_filled_, bytes.size());
    std::memcpy(prefix_.data() + prefix_filled_, bytes.data(), taken);
    prefix_filled_ += taken;
    bytes = bytes.subspan(taken);
    if (prefix_filled_ < prefix_.size()) return taken;
    if (Status status = read_prefix(bytes_max); !status.ok()) return status;
    if (bytes.size() >= size_) {
      message_ = bytes.first(size_);
      owner_ = chunk;
      filled_ = size_;
      return taken + size_;
    }
    owner_ = bodies.acquire(size_);
    if (!owner_) return Status::resource_exhausted("no memory is left for request messages");
    message_ = writable(owner_).first(size_);
  }
  const std::size_t part = std::min(bytes.size(), size_ - filled_);
  if (part == 0) return taken;
  std::memcpy(owner_->data() + filled_, bytes.data(), part);
  copies.add(CopySite::http_body, part);
  filled_ += part;
  return taken + part;
}

Status MessageAssembler::add(std::span<const std::byte> bytes, const Buffer& chunk,
                             std::size_t bytes_max, SlabPool& bodies, CopyMeter& copies) {
  const Result<std::size_t> taken = take(bytes, chunk, bytes_max, bodies, copies);
  if (!taken.ok()) return taken.status();
  if (*taken == bytes.size()) return {};
  return Status::internal("a unary call carried more than one message");
}

Status MessageAssembler::decompress(std::optional<Coding> encoding, std::size_t bytes_max,
                                    SlabPool& bodies) {
  if (!encoding) {
    return Status::unimplemented("the grpc-encoding of the request is not supported");
  }
  if (*encoding == Coding::identity) {
    return Status::internal("a compressed message in a stream without a grpc-encoding");
  }
  std::size_t size = 0;
  Result<Buffer> plain = mlops::decompress(*encoding, message_, bytes_max, bodies, size);
  if (!plain.ok()) return plain.status();
  owner_ = *std::move(plain);
  message_ = writable(owner_).first(size);
  compressed_ = false;
  return {};
}

}  // namespace mlops
