#include "client/http_reply.h"

#include <algorithm>
#include <charconv>

namespace mlops {
namespace {

constexpr std::size_t kHeadBytesMax = std::size_t{32} << 10;
constexpr std::size_t kHeadersMax = 100;
constexpr std::size_t kChunksMax = std::size_t{1} << 24;

Status malformed(std::string_view what) {
  return Status::unavailable("malformed HTTP reply: " + std::string(what));
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return out;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

}  // namespace

std::string_view HttpReplyHead::header(std::string_view lower_name) const {
  const auto found = std::ranges::find(headers, lower_name,
                                       [](const auto& h) { return std::string_view(h.first); });
  return found == headers.end() ? std::string_view() : std::string_view(found->second);
}

HttpReplyParser::HttpReplyParser(bool bodyless, Body body)
    : bodyless_(bodyless), body_(std::move(body)), chunks_(kChunksMax) {}

Status HttpReplyParser::received(std::string_view bytes) {
  if (bytes.empty()) return {};
  begun_ = true;
  if (state_ == State::head) {
    input_.append(bytes);
    return take_head();
  }
  if (state_ == State::chunked) return take_chunks(bytes);
  if (state_ == State::until_close) return body_(bytes);
  if (state_ == State::done) {
    reusable_ = false;
    return malformed("bytes after its end");
  }
  const std::string_view mine = bytes.substr(0, left_);
  left_ -= mine.size();
  if (Status s = body_(mine); !s.ok()) return s;
  if (left_ == 0) state_ = State::done;
  return mine.size() == bytes.size() ? Status() : received(bytes.substr(mine.size()));
}

// Replies of 1xx are announcements, and skipped.
Status HttpReplyParser::take_head() {
  const std::size_t end = input_.find("\r\n\r\n");
  if (end == input_.npos) {
    return input_.size() > kHeadBytesMax ? malformed("its head is too long") : Status();
  }
  if (end > kHeadBytesMax) return malformed("its head is too long");
  head_ = {};
  if (Status s = parse_head(std::string_view(input_).substr(0, end + 2)); !s.ok()) return s;
  std::string rest = input_.substr(end + 4);
  input_.clear();
  if (head_.status >= 100 && head_.status < 200) {
    input_ = std::move(rest);
    return input_.empty() ? Status() : take_head();
  }
  if (Status s = read_framing(); !s.ok()) return s;
  return received(rest);
}

Status HttpReplyParser::parse_head(std::string_view text) {
  bool first = true;
  while (!text.empty()) {
    const std::size_t end = text.find("\r\n");
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 2);
    if (std::ranges::any_of(line, [](char c) { return c == '\0' || c == '\r' || c == '\n'; })) {
      return malformed("a control character in its head");
    }
    if (std::exchange(first, false)) {
      const bool http = line.starts_with("HTTP/1.") && line.size() >= 12 && line[8] == ' ';
      const char* digits = line.data() + 9;
      if (!http || std::from_chars(digits, digits + 3, head_.status).ptr != digits + 3 ||
          head_.status < 100 || (line.size() > 12 && line[12] != ' ')) {
        return malformed("its status line");
      }
      reusable_ = line[7] != '0';
      continue;
    }
    const std::size_t colon = line.find(':');
    if (colon == line.npos || colon == 0) return malformed("a header without a name");
    if (head_.headers.size() >= kHeadersMax) return malformed("too many headers");
    head_.headers.emplace_back(lower(line.substr(0, colon)), trim(line.substr(colon + 1)));
  }
  return {};
}

Status HttpReplyParser::read_framing() {
  if (lower(head_.header("connection")) == "close") reusable_ = false;
  if (bodyless_ || head_.status == 204 || head_.status == 304) {
    state_ = State::done;
    return {};
  }
  const std::string_view coding = head_.header("transfer-encoding");
  const std::string_view length = head_.header("content-length");
  if (!coding.empty()) {
    if (lower(coding) != "chunked") return malformed("its transfer encoding");
    state_ = State::chunked;
  } else if (!length.empty()) {
    const char* end = length.data() + length.size();
    const auto [stop, error] = std::from_chars(length.data(), end, left_);
    if (error != std::errc() || stop != end) return malformed("its Content-Length");
    state_ = left_ == 0 ? State::done : State::sized;
  } else {
    state_ = State::until_close;
    reusable_ = false;
  }
  return {};
}

Status HttpReplyParser::take_chunks(std::string_view bytes) {
  while (!bytes.empty() && !chunks_.done()) {
    const auto step = chunks_.step(std::as_bytes(std::span(bytes)));
    if (chunks_.refusal()) return malformed(chunks_.refusal().text);
    bytes.remove_prefix(step.consumed);
    if (step.payload.empty()) continue;
    const auto* data = reinterpret_cast<const char*>(step.payload.data());
    if (Status s = body_({data, step.payload.size()}); !s.ok()) return s;
  }
  if (chunks_.done()) state_ = State::done;
  return bytes.empty() ? Status() : received(bytes);
}

Status HttpReplyParser::closed() {
  reusable_ = false;
  if (state_ == State::until_close) state_ = State::done;
  return done() ? Status()
                : Status::unavailable("the connection was closed before the reply ended");
}

}  // namespace mlops
