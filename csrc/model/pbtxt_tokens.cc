#include "model/pbtxt_tokens.h"

namespace mlops {
namespace {

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '.';
}

int digit_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return 99;
}

// Escapes of one character, and what each stands for.
constexpr std::string_view kPlainEscapes = "nrtabfv\\'\"?";
constexpr std::string_view kPlainValues = "\n\r\t\a\b\f\v\\'\"?";

void append_utf8(std::string& out, std::uint32_t point) {
  const auto put = [&out](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (point < 0x80) return put(point);
  if (point < 0x800) {
    put(0xC0 | (point >> 6));
  } else {
    if (point < 0x10000) {
      put(0xE0 | (point >> 12));
    } else {
      put(0xF0 | (point >> 18));
      put(0x80 | ((point >> 12) & 0x3F));
    }
    put(0x80 | ((point >> 6) & 0x3F));
  }
  put(0x80 | (point & 0x3F));
}

}  // namespace

void PbtxtTokens::step() {
  if (text_[at_++] == '\n') {
    ++place_.line;
    place_.column = 1;
  } else {
    ++place_.column;
  }
}

void PbtxtTokens::skip_space() {
  while (!at_end()) {
    if (is_space(peek())) {
      step();
    } else if (peek() == '#') {
      while (!at_end() && peek() != '\n') step();
    } else {
      return;
    }
  }
}

Status PbtxtTokens::fail(const ConfigPlace& place, const std::string& what) const {
  return Status::invalid_argument(place.to_string() + ": " + what);
}

Status PbtxtTokens::advance() {
  skip_space();
  token_ = {};
  token_.place = place_;
  if (at_end()) return {};
  const char c = peek();
  if (c == '"' || c == '\'') return read_text();
  if (is_word(c) || c == '-' || c == '+') {
    read_word();
    return {};
  }
  if (std::string_view(":{}<>[],;/").find(c) == std::string_view::npos) {
    const bool printable = c > ' ' && c < 127;
    return fail(place_, printable
                            ? "unexpected '" + std::string(1, c) + "'"
                            : "unexpected byte " + std::to_string(static_cast<unsigned char>(c)));
  }
  token_.kind = PbtxtToken::Kind::symbol;
  token_.symbol = c;
  step();
  return {};
}

// A minus belongs to the number behind it, with or without space between; "1e-5" is one word.
void PbtxtTokens::read_word() {
  token_.kind = PbtxtToken::Kind::word;
  if (peek() == '-') {
    token_.text.push_back('-');
    step();
    skip_space();
  }
  while (!at_end()) {
    const char c = peek();
    const bool sign = c == '-' || c == '+';
    const bool exponent = sign && !token_.text.empty() &&
                          (token_.text.back() == 'e' || token_.text.back() == 'E') &&
                          digit_value(token_.text.front() == '-' && token_.text.size() > 1
                                          ? token_.text[1]
                                          : token_.text.front()) < 10;
    if (!is_word(c) && !exponent && !(c == '+' && token_.text.empty())) return;
    token_.text.push_back(c);
    step();
  }
}

Status PbtxtTokens::read_text() {
  const char quote = peek();
  token_.kind = PbtxtToken::Kind::text;
  step();
  while (!at_end() && peek() != quote) {
    if (peek() == '\n') return fail(token_.place, "the string does not end on its line");
    if (peek() == '\\') {
      if (Status s = read_escape(); !s.ok()) return s;
      continue;
    }
    token_.text.push_back(peek());
    step();
  }
  if (at_end()) return fail(token_.place, "the string does not end");
  step();
  return {};
}

Status PbtxtTokens::read_escape() {
  const ConfigPlace start = place_;
  step();
  if (at_end()) return fail(start, "the string does not end");
  const char c = peek();
  if (const std::size_t plain = kPlainEscapes.find(c); plain != std::string_view::npos) {
    token_.text.push_back(kPlainValues[plain]);
    step();
    return {};
  }
  if (digit_value(c) < 8) return read_number_escape(8, 3);
  if (c == 'x' || c == 'X' || c == 'u' || c == 'U') {
    step();
    if (digit_value(peek()) > 15) return fail(start, "the escape has no hexadecimal digits");
    if (c == 'u' || c == 'U') return read_unicode(c == 'u' ? 4 : 8);
    return read_number_escape(16, 2);
  }
  return fail(start, "unknown escape in the string");
}

Status PbtxtTokens::read_number_escape(unsigned base, int digits_max) {
  const ConfigPlace start = place_;
  unsigned value = 0;
  for (int i = 0; i < digits_max && digit_value(peek()) < static_cast<int>(base); ++i) {
    value = value * base + static_cast<unsigned>(digit_value(peek()));
    step();
  }
  if (value > 255) return fail(start, "the escape is larger than a byte");
  token_.text.push_back(static_cast<char>(value));
  return {};
}

Status PbtxtTokens::read_unicode(int digits) {
  const ConfigPlace start = place_;
  std::uint32_t point = 0;
  for (int i = 0; i < digits; ++i) {
    if (digit_value(peek()) > 15) return fail(start, "the escape has too few digits");
    point = point * 16 + static_cast<std::uint32_t>(digit_value(peek()));
    step();
  }
  if (point > 0x10FFFF || (point >= 0xD800 && point < 0xE000)) {
    return fail(start, "the escape stands for no character");
  }
  append_utf8(token_.text, point);
  return {};
}

}  // namespace mlops
