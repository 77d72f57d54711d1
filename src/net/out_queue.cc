#include "net/out_queue.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace mlops {
namespace {

constexpr std::size_t kPartsPerCall = 128;
constexpr std::size_t kTextKept = std::size_t{64} << 10;  // capacity an idle connection may keep

}  // namespace

void OutQueue::append(std::string_view text) {
  if (text.empty()) return;
  text_.append(text);
  size_ += text.size();
  if (segments_.size() > first_ && segments_.back().view == nullptr) {
    segments_.back().size += text.size();
  } else {
    segments_.push_back({.size = text.size(), .view = nullptr, .owner = nullptr});
  }
}

void OutQueue::append_view(std::span<const std::byte> bytes, Buffer owner) {
  if (bytes.empty()) return;
  if (!owner) return append({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  size_ += bytes.size();
  segments_.push_back({.size = bytes.size(), .view = bytes.data(), .owner = std::move(owner)});
}

OutQueue::Sent OutQueue::flush(int fd, std::size_t& bytes_sent) {
  while (size_ > 0) {
    std::array<iovec, kPartsPerCall> parts;
    std::size_t count = 0;
    std::size_t wanted = 0;
    char* text = text_.data() + text_sent_;
    for (std::size_t i = first_; i < segments_.size() && count < parts.size(); ++i, ++count) {
      const Segment& segment = segments_[i];
      if (segment.view) {
        parts[count] = {const_cast<std::byte*>(segment.view), segment.size};
      } else {
        parts[count] = {text, segment.size};
        text += segment.size;
      }
      wanted += segment.size;
    }
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = count;
    const ssize_t sent = ::sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) {
      if (errno == EINTR) continue;
      return errno == EAGAIN || errno == EWOULDBLOCK ? Sent::some : Sent::broken;
    }
    bytes_sent += static_cast<std::size_t>(sent);
    consume(static_cast<std::size_t>(sent));
    if (static_cast<std::size_t>(sent) < wanted) return Sent::some;
  }
  return Sent::all;
}

std::span<const std::byte> OutQueue::next(std::span<std::byte> staging) const {
  const auto* text = reinterpret_cast<const std::byte*>(text_.data()) + text_sent_;
  if (first_ < segments_.size() && segments_[first_].size >= staging.size()) {
    const Segment& segment = segments_[first_];
    return {segment.view ? segment.view : text, staging.size()};
  }
  std::size_t filled = 0;
  for (std::size_t i = first_; i < segments_.size() && filled < staging.size(); ++i) {
    const Segment& segment = segments_[i];
    const std::size_t part = std::min(segment.size, staging.size() - filled);
    std::memcpy(staging.data() + filled, segment.view ? segment.view : text, part);
    if (!segment.view) text += segment.size;
    filled += part;
  }
  return staging.first(filled);
}

void OutQueue::consume(std::size_t bytes) {
  size_ -= bytes;
  if (size_ == 0) return clear();
  while (bytes > 0) {
    Segment& segment = segments_[first_];
    const std::size_t part = std::min(bytes, segment.size);
    if (segment.view) {
      segment.view += part;
    } else {
      text_sent_ += part;
    }
    segment.size -= part;
    bytes -= part;
    if (segment.size == 0) {
      segment.owner = nullptr;
      ++first_;
    }
  }
  // A peer that never lets the queue run empty must not make it grow for ever.
  if (text_sent_ >= kTextKept) {
    text_.erase(0, text_sent_);
    text_sent_ = 0;
  }
  if (first_ >= 4 * kPartsPerCall) {
    segments_.erase(segments_.begin(), segments_.begin() + static_cast<std::ptrdiff_t>(first_));
    first_ = 0;
  }
}

std::string OutQueue::take_all() {
  std::string all;
  std::size_t text = text_sent_;
  for (std::size_t i = first_; i < segments_.size(); ++i) {
    const Segment& segment = segments_[i];
    if (segment.view) {
      all.append(reinterpret_cast<const char*>(segment.view), segment.size);
    } else {
      all.append(text_, text, segment.size);
      text += segment.size;
    }
  }
  clear();
  return all;
}

void OutQueue::clear() {
  segments_.clear();
  first_ = 0;
  text_.clear();
  if (text_.capacity() > kTextKept) text_.shrink_to_fit();
  text_sent_ = 0;
  size_ = 0;
}

}  // namespace mlops
