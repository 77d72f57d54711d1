#include "floor/infer_echo.h"

#include <rapidjson/reader.h>

#include <array>
#include <charconv>
#include <cstdint>
#include <optional>

namespace mlops::floor {
namespace {

std::optional<std::uint64_t> take_varint(std::string_view& in) {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64 && !in.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(in.front());
    in.remove_prefix(1);
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  return std::nullopt;
}

struct Field {
  std::uint64_t number;
  std::string_view bytes;  // empty for numbers, which an echo does not need
};

std::optional<Field> take_field(std::string_view& in) {
  const auto tag = take_varint(in);
  if (!tag) return std::nullopt;
  std::uint64_t length = 0;
  switch (*tag & 7) {
    case 0:
      if (!take_varint(in)) return std::nullopt;
      break;
    case 1:
      length = 8;
      break;
    case 2: {
      const auto said = take_varint(in);
      if (!said) return std::nullopt;
      length = *said;
      break;
    }
    case 5:
      length = 4;
      break;
    default:
      return std::nullopt;
  }
  if (length > in.size()) return std::nullopt;
  const Field field{*tag >> 3, in.substr(0, static_cast<std::size_t>(length))};
  in.remove_prefix(static_cast<std::size_t>(length));
  return field;
}

bool parse_tensor(std::string_view in, EchoTensor& tensor) {
  while (!in.empty()) {
    const auto field = take_field(in);
    if (!field) return false;
    if (field->number == 2) tensor.datatype = field->bytes;
    if (field->number == 3) tensor.shape = field->bytes;
  }
  return true;
}

void append_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

void append_field(std::string& out, unsigned number, std::string_view bytes) {
  append_varint(out, number << 3 | 2);
  append_varint(out, bytes.size());
  out += bytes;
}

void append_number(std::string& out, std::size_t value) {
  std::array<char, 24> text;
  out.append(text.data(), std::to_chars(text.data(), text.data() + text.size(), value).ptr);
}

// Picks "datatype" and "shape" of the first tensor out of the event stream.
struct HeaderHandler : rapidjson::BaseReaderHandler<rapidjson::UTF8<>, HeaderHandler> {
  enum class Member { kOther, kDatatype, kShape } member = Member::kOther;
  std::string_view datatype;
  std::string* shape = nullptr;

  bool Key(const char* text, rapidjson::SizeType bytes, bool) {
    const std::string_view name(text, bytes);
    member = name == "datatype" ? Member::kDatatype
             : name == "shape"  ? Member::kShape
                                : Member::kOther;
    return true;
  }
  bool String(const char* text, rapidjson::SizeType bytes, bool) {
    if (member == Member::kDatatype && datatype.empty()) datatype = {text, bytes};
    return true;
  }
  bool Uint(unsigned value) {
    if (member != Member::kShape) return true;
    if (!shape->empty()) *shape += ',';
    append_number(*shape, value);
    return true;
  }
  bool EndArray(rapidjson::SizeType) {
    member = Member::kOther;
    return true;
  }
};

}  // namespace

bool parse_infer_request(std::string_view message, EchoTensor& tensor) {
  while (!message.empty()) {
    const auto field = take_field(message);
    if (!field) return false;
    if (field->number == 5 && !parse_tensor(field->bytes, tensor)) return false;
    if (field->number == 7) tensor.bytes = field->bytes;
  }
  return !tensor.datatype.empty();
}

void append_infer_response(std::string& out, const EchoTensor& tensor) {
  const std::size_t prefix = out.size();
  out.append(5, '\0');
  append_field(out, 1, "echo");
  append_field(out, 2, "1");
  std::string described;  // small enough for the string's own buffer
  append_field(described, 1, "output");
  append_field(described, 2, tensor.datatype);
  append_field(described, 3, tensor.shape);
  append_field(out, 5, described);
  append_field(out, 6, tensor.bytes);
  const std::size_t bytes = out.size() - prefix - 5;
  for (unsigned i = 0; i < 4; ++i) out[prefix + 1 + i] = static_cast<char>(bytes >> (24 - 8 * i));
}

bool parse_infer_json(std::string_view json, std::string_view binary, EchoTensor& tensor,
                      std::string& shape) {
  HeaderHandler handler;
  handler.shape = &shape;
  shape.clear();
  // The reader stops at a NUL, so it reads a terminated copy; in situ it also unescapes without
  // allocating.
  std::string copy(json);
  rapidjson::InsituStringStream stream(copy.data());
  rapidjson::Reader reader;
  if (!reader.Parse<rapidjson::kParseInsituFlag>(stream, handler) || handler.datatype.size() > 8)
    return false;
  const std::size_t at = static_cast<std::size_t>(handler.datatype.data() - copy.data());
  tensor = {json.substr(at, handler.datatype.size()), shape, binary};
  return !tensor.datatype.empty();
}

void append_http_reply(std::string& out, const EchoTensor& tensor) {
  std::string json =
      R"({"model_name":"echo","model_version":"1","outputs":[{"name":"output","datatype":")";
  json += tensor.datatype;
  json += "\",\"shape\":[";
  json += tensor.shape;
  json += "],\"parameters\":{\"binary_data_size\":";
  append_number(json, tensor.bytes.size());
  json += "}}]}";
  out +=
      "HTTP/1.1 200 OK\r\nContent-Type: "
      "application/octet-stream\r\nInference-Header-Content-Length: ";
  append_number(out, json.size());
  out += "\r\nContent-Length: ";
  append_number(out, json.size() + tensor.bytes.size());
  out += "\r\n\r\n";
  out += json;
  out += tensor.bytes;
}

}  // namespace mlops::floor
