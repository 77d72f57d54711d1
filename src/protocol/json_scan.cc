#include "protocol/json_scan.h"

#include <cstdint>
#include <cstring>
#include <string_view>

namespace mlops {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

const char* skip_digits(const char* at, const char* end) {
  while (at != end && is_digit(*at)) ++at;
  return at;
}

const char* scan_word(const char* at, const char* end) {
  const std::string_view rest(at, static_cast<std::size_t>(end - at));
  for (const std::string_view word : {"NaN", "Infinity", "Inf"}) {
    if (rest.starts_with(word)) return at + word.size();
  }
  return nullptr;
}

// The value of four hexadecimal digits, or -1.
std::int32_t hex4(const char* at, const char* end) {
  if (end - at < 4) return -1;
  std::int32_t value = 0;
  for (int i = 0; i < 4; ++i) {
    const char c = at[i];
    const std::int32_t digit = is_digit(c)            ? c - '0'
                               : c >= 'a' && c <= 'f' ? c - 'a' + 10
                               : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                      : -1;
    if (digit < 0) return -1;
    value = value << 4 | digit;
  }
  return value;
}

void put_utf8(std::int32_t code, char*& out) {
  const auto put = [&](std::int32_t byte) { *out++ = static_cast<char>(byte); };
  if (code < 0x80) return put(code);
  if (code < 0x800) {
    put(0xC0 | code >> 6);
  } else {
    if (code < 0x10000) {
      put(0xE0 | code >> 12);
    } else {
      put(0xF0 | code >> 18);
      put(0x80 | (code >> 12 & 0x3F));
    }
    put(0x80 | (code >> 6 & 0x3F));
  }
  put(0x80 | (code & 0x3F));
}

// `at` is behind "\u".
const char* decode_unicode(const char* at, const char* end, char*& out) {
  std::int32_t code = hex4(at, end);
  if (code < 0 || (code >= 0xDC00 && code <= 0xDFFF)) return nullptr;
  at += 4;
  if (code >= 0xD800 && code <= 0xDBFF) {
    if (end - at < 6 || at[0] != '\\' || at[1] != 'u') return nullptr;
    const std::int32_t low = hex4(at + 2, end);
    if (low < 0xDC00 || low > 0xDFFF) return nullptr;
    code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    at += 6;
  }
  put_utf8(code, out);
  return at;
}

// `at` is behind the backslash.
const char* decode_escape(const char* at, const char* end, char*& out) {
  if (at == end) return nullptr;
  constexpr std::string_view kEscapes = "\"\\/bfnrt";
  constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
  if (*at == 'u') return decode_unicode(at + 1, end, out);
  const std::size_t which = kEscapes.find(*at);
  if (which == std::string_view::npos) return nullptr;
  *out++ = kMeanings[which];
  return at + 1;
}

// The first character that is not plain text: a quote, a backslash, a control character, or end.
const char* plain_run(const char* at, const char* end) {
  while (at != end && *at != '"' && *at != '\\' && static_cast<unsigned char>(*at) >= 0x20) ++at;
  return at;
}

}  // namespace

const char* scan_json_number(const char* at, const char* end) {
  if (at != end && *at == '-') ++at;
  if (at == end) return nullptr;
  if (!is_digit(*at)) return scan_word(at, end);
  at = *at == '0' ? at + 1 : skip_digits(at, end);
  if (at != end && *at == '.') {
    const char* fraction = at + 1;
    at = skip_digits(fraction, end);
    if (at == fraction) return nullptr;
  }
  if (at != end && (*at == 'e' || *at == 'E')) {
    ++at;
    if (at != end && (*at == '+' || *at == '-')) ++at;
    const char* exponent = at;
    at = skip_digits(exponent, end);
    if (at == exponent) return nullptr;
  }
  return at;
}

const char* scan_json_string(const char* at, const char* end, bool& plain) {
  plain = true;
  for (at = plain_run(at + 1, end); at != end && *at == '\\'; at = plain_run(at, end)) {
    plain = false;
    char code_point[4];
    char* out = code_point;
    at = decode_escape(at + 1, end, out);
    if (!at) return nullptr;
  }
  return at != end && *at == '"' ? at + 1 : nullptr;
}

const char* decode_json_string(const char* at, const char* end, char*& out) {
  ++at;
  for (;;) {
    const char* stop = plain_run(at, end);
    const auto size = static_cast<std::size_t>(stop - at);
    if (size != 0) std::memcpy(out, at, size);
    out += size;
    if (stop == end || (*stop != '\\' && *stop != '"')) return nullptr;
    if (*stop == '"') return stop + 1;
    at = decode_escape(stop + 1, end, out);
    if (!at) return nullptr;
  }
}

}  // namespace mlops
