#include "loadgen/grpc_message.h"

#include <cstdint>
#include <string_view>

namespace mlops::loadgen {
namespace {

constexpr std::size_t kPrefixBytes = 5;
enum WireType : unsigned { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

void append_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

void append_bytes(std::string& out, unsigned field, std::string_view bytes) {
  append_varint(out, field << 3 | kBytes);
  append_varint(out, bytes.size());
  out += bytes;
}

std::string encode_tensor(const InputSpec& input) {
  std::string tensor;
  append_bytes(tensor, 1, input.name);
  append_bytes(tensor, 2, input.datatype);
  std::string shape;  // packed
  for (const std::int64_t extent : input.shape)
    append_varint(shape, static_cast<std::uint64_t>(extent));
  append_bytes(tensor, 3, shape);
  return tensor;
}

std::optional<std::uint64_t> read_varint(std::string_view& in) {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64 && !in.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(in.front());
    in.remove_prefix(1);
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  return std::nullopt;
}

// Takes the value of one field off the input; only length-delimited values are returned.
std::optional<std::string_view> take_value(std::string_view& in, unsigned wire_type) {
  std::size_t bytes = 0;
  if (wire_type == kVarint)
    return read_varint(in) ? std::optional<std::string_view>("") : std::nullopt;
  if (wire_type == kFixed64) {
    bytes = 8;
  } else if (wire_type == kFixed32) {
    bytes = 4;
  } else if (wire_type == kBytes) {
    const auto length = read_varint(in);
    if (!length || *length > in.size()) return std::nullopt;
    bytes = static_cast<std::size_t>(*length);
  } else {
    return std::nullopt;
  }
  if (bytes > in.size()) return std::nullopt;
  const std::string_view value = in.substr(0, bytes);
  in.remove_prefix(bytes);
  return value;
}

}  // namespace

std::string encode_grpc_request(const ModelRef& model, const Payload& payload, std::size_t row) {
  std::string message;
  append_bytes(message, 1, model.name);
  if (!model.version.empty()) append_bytes(message, 2, model.version);
  for (const InputSpec& input : payload.inputs()) append_bytes(message, 5, encode_tensor(input));
  for (std::size_t i = 0; i < payload.inputs().size(); ++i) {
    const std::span<const char> bytes = payload.row(i, row);
    append_bytes(message, 7, {bytes.data(), bytes.size()});
  }
  std::string framed(kPrefixBytes, '\0');
  for (unsigned i = 0; i < 4; ++i)
    framed[1 + i] = static_cast<char>(message.size() >> (24 - 8 * i));
  return framed + message;
}

std::optional<std::string> grpc_output_bytes(std::span<const char> framed) {
  if (framed.size() < kPrefixBytes || framed[0] != 0) return std::nullopt;
  std::size_t length = 0;
  for (unsigned i = 0; i < 4; ++i) length = length << 8 | static_cast<unsigned char>(framed[1 + i]);
  std::string_view in(framed.data() + kPrefixBytes, framed.size() - kPrefixBytes);
  if (in.size() != length) return std::nullopt;
  std::string outputs;
  while (!in.empty()) {
    const auto tag = read_varint(in);
    if (!tag || *tag >> 3 == 0) return std::nullopt;
    const auto value = take_value(in, static_cast<unsigned>(*tag & 7));
    if (!value) return std::nullopt;
    if (*tag == (6u << 3 | kBytes)) outputs += *value;
  }
  return outputs;
}

}  // namespace mlops::loadgen
