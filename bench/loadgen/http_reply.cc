#include "loadgen/http_reply.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>
#include <string_view>

namespace mlops::loadgen {
namespace {

constexpr std::size_t kHeadBytesMax = 16 << 10;
constexpr std::size_t kBodyBytesMax = std::size_t{256} << 20;

bool same_name(std::string_view a, std::string_view lower) {
  return a.size() == lower.size() &&
         std::equal(a.begin(), a.end(), lower.begin(), [](char x, char y) {
           return (x >= 'A' && x <= 'Z' ? static_cast<char>(x + 32) : x) == y;
         });
}

std::optional<std::size_t> parse_size(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::span<char> HttpReplyReader::space(std::size_t at_least) {
  if (taken_ == filled_) taken_ = filled_ = 0;
  if (buffer_.size() - filled_ < at_least && taken_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + taken_, filled_ - taken_);
    filled_ -= taken_;
    taken_ = 0;
  }
  if (buffer_.size() - filled_ < at_least) buffer_.resize(filled_ + at_least);
  return std::span<char>(buffer_).subspan(filled_);
}

HttpReplyReader::State HttpReplyReader::parse_head(std::span<const char> head) {
  std::string_view text(head.data(), head.size());
  if (text.size() < 12 || !text.starts_with("HTTP/1.") || text[8] != ' ') return State::kMalformed;
  const auto [end, error] = std::from_chars(text.data() + 9, text.data() + 12, status_);
  if (error != std::errc{} || end != text.data() + 12) return State::kMalformed;
  std::optional<std::size_t> length;
  std::optional<std::size_t> json;
  bool raw = false;
  std::size_t at = text.find("\r\n");
  while (at + 2 < text.size()) {
    const std::size_t begin = at + 2;
    at = std::min(text.find("\r\n", begin), text.size());
    const std::string_view line = text.substr(begin, at - begin);
    const std::size_t colon = line.find(':');
    if (colon == line.npos) return State::kMalformed;
    const std::string_view name = line.substr(0, colon);
    const std::string_view value = line.substr(colon + 1);
    if (same_name(name, "transfer-encoding")) return State::kMalformed;
    if (same_name(name, "content-length") && !(length = parse_size(value)))
      return State::kMalformed;
    if (same_name(name, "content-type")) raw = value.ends_with("application/octet-stream");
    if (same_name(name, "inference-header-content-length") && !(json = parse_size(value))) {
      return State::kMalformed;
    }
  }
  if (!length || *length > kBodyBytesMax || json.value_or(0) > *length) return State::kMalformed;
  body_bytes_ = *length;
  json_bytes_ = json.value_or(raw ? 0 : *length);
  return State::kReply;
}

HttpReplyReader::State HttpReplyReader::next(HttpReply& reply) {
  const std::string_view bytes(buffer_.data() + taken_, filled_ - taken_);
  if (head_bytes_ == 0) {
    const std::size_t end = bytes.find("\r\n\r\n");
    if (end == bytes.npos)
      return bytes.size() > kHeadBytesMax ? State::kMalformed : State::kNeedMore;
    if (parse_head({bytes.data(), end}) == State::kMalformed) return State::kMalformed;
    head_bytes_ = end + 4;
  }
  if (bytes.size() < head_bytes_ + body_bytes_) return State::kNeedMore;
  reply.status = status_;
  reply.body = {bytes.data() + head_bytes_, body_bytes_};
  reply.json_bytes = json_bytes_;
  return State::kReply;
}

void HttpReplyReader::pop() {
  taken_ += head_bytes_ + body_bytes_;
  head_bytes_ = 0;
}

}  // namespace mlops::loadgen
