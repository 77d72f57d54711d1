#include "protocol/json_cursor.h"

#include <algorithm>
#include <utility>

#include "protocol/json_scan.h"

namespace mlops {

JsonCursor::JsonCursor(std::string_view text, std::size_t depth_max)
    : begin_(text.data()),
      at_(begin_),
      end_(begin_ + text.size()),
      depth_max_(std::min(depth_max, kDepthMax)) {}

void JsonCursor::fail(Status status) {
  if (status_.ok()) status_ = std::move(status);
}

void JsonCursor::fail_syntax() {
  fail(Status::invalid_argument("failed to parse the request JSON at offset " +
                                std::to_string(offset())));
}

JsonKind JsonCursor::peek() {
  at_ = skip_json_space(at_, end_);
  if (at_ == end_ || !ok()) return JsonKind::bad;
  switch (*at_) {
    case '{':
      return JsonKind::object;
    case '[':
      return JsonKind::array;
    case '"':
      return JsonKind::string;
    case 't':
    case 'f':
      return JsonKind::boolean;
    case 'n':
      return JsonKind::null;
    case '-':
    case 'N':
    case 'I':
      return JsonKind::number;
    default:
      return *at_ >= '0' && *at_ <= '9' ? JsonKind::number : JsonKind::bad;
  }
}

bool JsonCursor::enter(bool object) {
  if (peek() != (object ? JsonKind::object : JsonKind::array)) {
    fail_syntax();
    return false;
  }
  if (depth_ == depth_max_) {
    fail(json_too_deep(depth_max_));
    return false;
  }
  is_object_[depth_++] = object;
  first_ = true;
  ++at_;
  return true;
}

bool JsonCursor::enter_object() { return enter(true); }
bool JsonCursor::enter_array() { return enter(false); }

bool JsonCursor::next(char close) {
  if (!ok()) return false;
  at_ = skip_json_space(at_, end_);
  if (at_ != end_ && *at_ == close) {
    ++at_;
    --depth_;
    first_ = false;
    return false;
  }
  if (first_) {
    first_ = false;
    return true;
  }
  if (at_ == end_ || *at_ != ',') {
    fail_syntax();
    return false;
  }
  ++at_;
  return true;
}

bool JsonCursor::next_key(std::string_view& key) {
  if (!next('}')) return false;
  key = string();
  at_ = skip_json_space(at_, end_);
  if (!ok() || at_ == end_ || *at_ != ':') {
    fail_syntax();
    return false;
  }
  ++at_;
  return true;
}

bool JsonCursor::next_element() { return next(']'); }

std::string_view JsonCursor::string() {
  bool plain = true;
  const char* start = at_;
  const char* stop = nullptr;
  if (peek() == JsonKind::string) {
    start = at_;
    stop = scan_json_string(start, end_, plain);
  }
  if (!stop) {
    fail_syntax();
    return {};
  }
  at_ = stop;
  if (plain) return {start + 1, static_cast<std::size_t>(stop - start) - 2};
  decoded_.resize(static_cast<std::size_t>(stop - start));
  char* out = decoded_.data();
  decode_json_string(start, end_, out);
  return {decoded_.data(), static_cast<std::size_t>(out - decoded_.data())};
}

std::string_view JsonCursor::number() {
  const char* stop = peek() == JsonKind::number ? scan_json_number(at_, end_) : nullptr;
  if (!stop) {
    fail_syntax();
    return {};
  }
  const char* start = std::exchange(at_, stop);
  return {start, static_cast<std::size_t>(stop - start)};
}

bool JsonCursor::accept(std::string_view word) {
  const std::string_view rest(at_, static_cast<std::size_t>(end_ - at_));
  if (!ok() || !rest.starts_with(word)) return false;
  at_ += word.size();
  return true;
}

bool JsonCursor::boolean() {
  peek();
  if (accept("true")) return true;
  if (!accept("false")) fail_syntax();
  return false;
}

void JsonCursor::skip() {
  const std::size_t base = depth_;
  std::string_view key;
  do {
    switch (peek()) {
      case JsonKind::object:
        enter_object();
        break;
      case JsonKind::array:
        enter_array();
        break;
      case JsonKind::string:
        string();
        break;
      case JsonKind::number:
        number();
        break;
      case JsonKind::boolean:
        boolean();
        break;
      case JsonKind::null:
        if (!accept("null")) fail_syntax();
        break;
      case JsonKind::bad:
        fail_syntax();
    }
    while (depth_ > base && ok()) {
      if (is_object_[depth_ - 1] ? next_key(key) : next_element()) break;
    }
  } while (depth_ > base && ok());
}

void JsonCursor::finish() {
  at_ = skip_json_space(at_, end_);
  if (at_ != end_) fail_syntax();
}

Status json_too_deep(std::size_t depth_max) {
  return Status::invalid_argument("JSON nesting depth exceeds maximum allowed limit (" +
                                  std::to_string(depth_max) + ")");
}

}  // namespace mlops
