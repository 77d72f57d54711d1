#pragma once
// What a connection still has to send: small strings, copied, and views of tensors, held by
// reference, in order. One gathered system call sends as much as the socket takes.
// One thread.

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/buffer.h"

namespace mlops {

class OutQueue {
 public:
  enum class Sent { all, some, broken };

  void append(std::string_view text);
  // Holds `owner` until the bytes are sent; without an owner they are copied.
  void append_view(std::span<const std::byte> bytes, Buffer owner);

  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }

  // Non-blocking. `some`: wait until the socket is writable. `broken`: the peer is gone.
  Sent flush(int fd, std::size_t& bytes_sent);

  // For whoever sends by other means: the next bytes, at most `staging.size()`, where they lie or,
  // when they lie in pieces, gathered in `staging`. The same ones again, and perhaps more behind
  // them, until consume().
  std::span<const std::byte> next(std::span<std::byte> staging) const;
  void consume(std::size_t bytes);

  // Tests and sans-IO users: everything as one string.
  std::string take_all();
  void clear();

 private:
  struct Segment {
    std::size_t size = 0;
    const std::byte* view = nullptr;  // null: the next `size` bytes of text_
    Buffer owner;
  };

  std::vector<Segment> segments_;
  std::size_t first_ = 0;      // segments before it are sent
  std::string text_;           // own bytes of all segments, in order
  std::size_t text_sent_ = 0;  // of text_
  std::size_t size_ = 0;
};

}  // namespace mlops
