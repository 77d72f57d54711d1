#include "protocol/json_fields.h"

#include <charconv>
#include <cstring>
#include <utility>

namespace mlops {
namespace {

Status read_number(JsonCursor& json, Parameter& parameter) {
  const std::string_view token = json.number();
  if (!json.ok()) return json.status();
  const char* end = token.data() + token.size();
  const auto reads_as = [&](auto value) {
    const auto [stop, error] = std::from_chars(token.data(), end, value);
    if (error != std::errc() || stop != end) return false;
    parameter.value = value;
    return true;
  };
  if (reads_as(std::int64_t{}) || reads_as(std::uint64_t{}) || reads_as(double{})) return {};
  return Status::invalid_argument("parameter " + in_quotes(parameter.name) +
                                  " is a number that a double cannot hold");
}

}  // namespace

Status unable_to_parse(std::string_view key, std::string_view why) {
  return Status::invalid_argument("Unable to parse " + in_quotes(key) + ": " + std::string(why));
}

Status missing_member(std::string_view key) {
  return unable_to_parse(key, "attempt to access non-existing object member " + in_quotes(key));
}

Status first_time(bool& seen, std::string_view key) {
  if (!std::exchange(seen, true)) return {};
  return Status::invalid_argument(in_quotes(key) + " is given twice");
}

Status read_json_text(JsonCursor& json, std::string_view key, std::vector<Buffer>& keep_alive,
                      std::string_view& out) {
  if (json.peek() != JsonKind::string) return unable_to_parse(key, "expected a string");
  const std::string_view text = json.string();
  if (!json.ok()) return json.status();
  if (json.owns(text)) {
    out = text;
    return {};
  }
  Buffer copy = allocate_buffer(text.size());
  if (!copy) return Status::resource_exhausted("no memory for names");
  if (!text.empty()) std::memcpy(copy->data(), text.data(), text.size());
  out = {reinterpret_cast<const char*>(copy->data()), text.size()};
  keep_alive.push_back(std::move(copy));
  return {};
}

Status read_json_unsigned(JsonCursor& json, std::string_view key, std::size_t& out) {
  const bool is_number = json.peek() == JsonKind::number;
  const std::string_view token = is_number ? json.number() : std::string_view();
  if (!json.ok()) return json.status();
  const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), out);
  if (error == std::errc() && end == token.data() + token.size()) return {};
  return unable_to_parse(key, "attempt to access JSON non-unsigned-integer as unsigned-integer");
}

Status read_json_boolean(JsonCursor& json, std::string_view key, bool& out) {
  if (json.peek() != JsonKind::boolean) {
    return unable_to_parse(key, "attempt to access JSON non-boolean as boolean");
  }
  out = json.boolean();
  return json.status();
}

Status read_json_parameter(JsonCursor& json, Parameter& parameter) {
  switch (json.peek()) {
    case JsonKind::string:
      parameter.value = std::string(json.string());
      break;
    case JsonKind::boolean:
      parameter.value = json.boolean();
      break;
    case JsonKind::number:
      return read_number(json, parameter);
    case JsonKind::bad:
      json.fail_syntax();
      break;
    default:
      return Status::invalid_argument(
          "parameter " + in_quotes(parameter.name) +
          " has invalid type. It should be either 'int', 'bool', 'double' or 'string'.");
  }
  return json.status();
}

Status expect_json(JsonCursor& json, std::string_view key, JsonKind kind) {
  if (json.peek() == kind) return {};
  return unable_to_parse(key,
                         kind == JsonKind::object ? "expected an object" : "expected an array");
}

}  // namespace mlops
