#include "protocol/json_text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <type_traits>
#include <variant>

#include "protocol/utf8.h"
#include "tensor/byte_strings.h"

namespace mlops {
namespace {

// Enough for the shortest form of a double ("-2.2250738585072014e-308") and any integer.
constexpr std::size_t kNumberBytesMax = 32;

template <class T>
char* put_number(char* out, char* end, T value) {
  if constexpr (std::is_floating_point_v<T>) {
    if (!std::isfinite(value)) {
      const std::string_view word = std::isnan(value) ? "NaN"
                                    : value > 0       ? "Infinity"
                                                      : "-Infinity";
      std::memcpy(out, word.data(), word.size());
      return out + word.size();
    }
  }
  char* stop = std::to_chars(out, end, value).ptr;
  if constexpr (std::is_floating_point_v<T>) {
    // Readers that tell integers from floats by their look would lose the sign of -0.
    const auto is_float = [](char c) { return c == '.' || c == 'e'; };
    if (std::none_of(out, stop, is_float)) {
      *stop++ = '.';
      *stop++ = '0';
    }
  }
  return stop;
}

template <class T>
void append_number(std::string& out, T value) {
  char text[kNumberBytesMax];
  out.append(text, put_number(text, text + sizeof(text), value));
}

// 32 elements at a time go through one buffer, so that the string grows seldom.
template <class T>
void append_numbers(std::string& out, std::span<const std::byte> bytes) {
  constexpr std::size_t kBlock = 32;
  char block[kBlock * (kNumberBytesMax + 1)];
  const std::size_t count = bytes.size() / sizeof(T);
  for (std::size_t i = 0; i < count;) {
    char* at = block;
    for (const std::size_t stop = std::min(count, i + kBlock); i < stop; ++i) {
      T value;
      std::memcpy(&value, bytes.data() + i * sizeof(T), sizeof(T));
      if (i != 0) *at++ = ',';
      at = put_number(at, block + sizeof(block), value);
    }
    out.append(block, at);
  }
}

void append_booleans(std::string& out, std::span<const std::byte> bytes) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i != 0) out.push_back(',');
    out.append(bytes[i] == std::byte{0} ? "false" : "true");
  }
}

bool append_strings(std::string& out, std::span<const std::byte> bytes) {
  ByteStringReader reader(bytes);
  bool first = true;
  while (const auto element = reader.next()) {
    if (!is_utf8(*element)) return false;
    if (!first) out.push_back(',');
    first = false;
    append_json_string(out, *element);
  }
  return reader.ok();
}

void append_escape(std::string& out, unsigned char c) {
  constexpr std::string_view kMeanings = "\"\\\b\f\n\r\t";
  constexpr std::string_view kEscapes = "\"\\bfnrt";
  const std::size_t which = kMeanings.find(static_cast<char>(c));
  if (which != std::string_view::npos) {
    out.push_back('\\');
    out.push_back(kEscapes[which]);
    return;
  }
  constexpr std::string_view kHex = "0123456789abcdef";
  out.append("\\u00");
  out.push_back(kHex[c >> 4]);
  out.push_back(kHex[c & 0xF]);
}

bool append_elements(std::string& out, const Tensor& tensor) {
  const auto as = [&]<class T>(T) {
    append_numbers<T>(out, tensor.bytes);
    return true;
  };
  switch (tensor.dtype) {
    case DType::boolean:
      append_booleans(out, tensor.bytes);
      return true;
    case DType::u8:
      return as(std::uint8_t{});
    case DType::u16:
      return as(std::uint16_t{});
    case DType::u32:
      return as(std::uint32_t{});
    case DType::u64:
      return as(std::uint64_t{});
    case DType::i8:
      return as(std::int8_t{});
    case DType::i16:
      return as(std::int16_t{});
    case DType::i32:
      return as(std::int32_t{});
    case DType::i64:
      return as(std::int64_t{});
    case DType::f32:
      return as(float{});
    case DType::f64:
      return as(double{});
    case DType::bytes:
      return append_strings(out, tensor.bytes);
    case DType::f16:
    case DType::bf16:
      return false;
  }
  return false;
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  const bool utf8 = is_utf8(text);
  out.push_back('"');
  std::size_t run = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    const bool plain = c >= 0x20 && c != '"' && c != '\\' && (utf8 || c < 0x80);
    if (plain) continue;
    out.append(text, run, i - run);
    run = i + 1;
    if (c >= 0x80) {
      out.append("\xEF\xBF\xBD");
    } else {
      append_escape(out, c);
    }
  }
  out.append(text, run);
  out.push_back('"');
}

void append_json_integer(std::string& out, std::int64_t value) { append_number(out, value); }

void append_json_value(std::string& out, const ParameterValue& value) {
  std::visit(
      [&](const auto& held) {
        using Held = std::decay_t<decltype(held)>;
        if constexpr (std::is_same_v<Held, bool>) {
          out.append(held ? "true" : "false");
        } else if constexpr (std::is_same_v<Held, std::string>) {
          append_json_string(out, held);
        } else {
          append_number(out, held);
        }
      },
      value);
}

void append_json_shape(std::string& out, const Shape& shape) {
  out.push_back('[');
  for (std::size_t axis = 0; axis < shape.rank(); ++axis) {
    if (axis != 0) out.push_back(',');
    append_json_integer(out, shape[axis]);
  }
  out.push_back(']');
}

bool append_json_data(std::string& out, const Tensor& tensor) {
  const std::size_t before = out.size();
  out.push_back('[');
  if (!append_elements(out, tensor)) {
    out.resize(before);
    return false;
  }
  out.push_back(']');
  return true;
}

}  // namespace mlops
