#include "model/config_reader.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "base/near_name.h"
#include "model/model_config.h"

namespace mlops {
namespace {

constexpr std::size_t kShownBytesMax = 64;

std::string shown(const ConfigValue& value) {
  if (value.kind == ConfigValue::Kind::message) return "a message";
  return "'" + value.text.substr(0, kShownBytesMax) + "'";
}

Status expected(const ConfigValue& value, std::string_view what) {
  return config_error(value, "expected " + std::string(what) + ", found " + shown(value));
}

// Decimal, 0x hexadecimal and 0 octal. JSON writes 64-bit integers as strings, so a text will do.
template <class T>
Status read_integer(const ConfigValue& value, T& out) {
  if (value.kind == ConfigValue::Kind::message) return expected(value, "an integer");
  std::string_view digits = value.text;
  const bool negative = digits.starts_with('-');
  if (negative) digits.remove_prefix(1);
  int base = 10;
  if (digits.starts_with("0x") || digits.starts_with("0X")) {
    base = 16;
    digits.remove_prefix(2);
  } else if (digits.size() > 1 && digits.front() == '0') {
    base = 8;
    digits.remove_prefix(1);
  }
  std::uint64_t magnitude = 0;
  const char* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, magnitude, base);
  if (digits.empty() || error == std::errc::invalid_argument || stop != end) {
    return expected(value, "an integer");
  }
  constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<T>::max());
  const std::uint64_t most = !negative ? kMost : std::is_signed_v<T> ? kMost + 1 : 0;
  if (error != std::errc() || magnitude > most) {
    return config_error(value, shown(value) + " is out of range; at most " +
                                   std::to_string(std::numeric_limits<T>::max()));
  }
  out = static_cast<T>(negative ? ~magnitude + 1 : magnitude);
  return {};
}

template <class T>
Status read_real(const ConfigValue& value, T& out) {
  std::string_view text = value.text;
  if (text.size() > 1 && (text.ends_with('f') || text.ends_with('F')) && !text.ends_with("inf")) {
    text.remove_suffix(1);
  }
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, out);
  const bool is_word = value.kind == ConfigValue::Kind::word;
  if (!is_word || error != std::errc() || stop != end) return expected(value, "a number");
  return {};
}

}  // namespace

Status config_error(const ConfigValue& value, const std::string& what) {
  if (value.place.line == 0) return Status::invalid_argument(what);
  return Status::invalid_argument(value.place.to_string() + ": " + what);
}

Status read_value(ConfigReader&, const ConfigValue& value, std::string& out) {
  if (value.kind != ConfigValue::Kind::text) return expected(value, "a string in quotes");
  if (value.text.find('\0') != std::string::npos) return config_error(value, "a string holds NUL");
  out = value.text;
  return {};
}

Status read_value(ConfigReader&, const ConfigValue& value, bool& out) {
  if (value.kind == ConfigValue::Kind::word) {
    const std::string& word = value.text;
    out = word == "true" || word == "True" || word == "t" || word == "1";
    if (out || word == "false" || word == "False" || word == "f" || word == "0") return {};
  }
  return expected(value, "true or false");
}

Status read_value(ConfigReader&, const ConfigValue& value, std::int32_t& out) {
  return read_integer(value, out);
}
Status read_value(ConfigReader&, const ConfigValue& value, std::uint32_t& out) {
  return read_integer(value, out);
}
Status read_value(ConfigReader&, const ConfigValue& value, std::int64_t& out) {
  return read_integer(value, out);
}
Status read_value(ConfigReader&, const ConfigValue& value, std::uint64_t& out) {
  return read_integer(value, out);
}

Status read_value(ConfigReader&, const ConfigValue& value, float& out) {
  return read_real(value, out);
}
Status read_value(ConfigReader&, const ConfigValue& value, double& out) {
  return read_real(value, out);
}

Status read_value(ConfigReader&, const ConfigValue& value, std::optional<DType>& out) {
  if (value.kind != ConfigValue::Kind::message) {
    if (value.text == "TYPE_INVALID") return {};  // the default: nothing said
    out = dtype_from_config(value.text);
    if (out) return {};
  }
  return expected(value, "a data type such as TYPE_FP32");
}

Status read_enum_index(const ConfigValue& value, std::span<const std::string_view> names,
                       std::size_t& out) {
  const auto found = std::ranges::find(names, value.text);
  if (value.kind != ConfigValue::Kind::message && found != names.end()) {
    out = static_cast<std::size_t>(found - names.begin());
    return {};
  }
  std::string known;
  for (const std::string_view name : names) known.append(known.empty() ? "" : ", ").append(name);
  return expected(value, "one of " + known);
}

Status read_entry(const ConfigValue& entry, ConfigEntry& out) {
  constexpr std::array<std::string_view, 2> kNames = {"key", "value"};
  constexpr std::array<bool, 2> kRepeated = {false, false};
  std::vector<std::size_t> found;
  if (Status s = match_members(entry, kNames, kRepeated, "a map's entry", found); !s.ok()) return s;
  for (std::size_t i = 0; i < found.size(); ++i) {
    (found[i] == 0 ? out.key : out.value) = &entry.fields[i].value;
  }
  if (!out.key) return config_error(entry, "a map's entry has no key");
  return {};
}

void note_unused(ConfigReader& reader, std::string_view name, const ConfigValue& value) {
  reader.unused.push_back("'" + std::string(name) + "' (" + value.place.to_string() + ")");
}

Status match_members(const ConfigValue& value, std::span<const std::string_view> names,
                     std::span<const bool> repeated, std::string_view what,
                     std::vector<std::size_t>& members) {
  if (value.kind != ConfigValue::Kind::message) {
    return expected(value, std::string(what) + ": a message in braces");
  }
  std::vector<bool> seen(names.size());
  for (const ConfigField& field : value.fields) {
    const auto found = std::ranges::find(names, field.name);
    if (found == names.end()) {
      return config_error(field.value, "unknown key '" + field.name.substr(0, kShownBytesMax) +
                                           "' in " + std::string(what) +
                                           did_you_mean(field.name, names));
    }
    const auto index = static_cast<std::size_t>(found - names.begin());
    if (seen[index] && !repeated[index]) {
      return config_error(field.value, "'" + field.name + "' is given twice");
    }
    seen[index] = true;
    members.push_back(index);
  }
  return {};
}

std::string_view config_type_name(DType dtype) {
  constexpr std::array<std::string_view, kDTypeCount> kNames = {
      "TYPE_BOOL", "TYPE_UINT8", "TYPE_UINT16", "TYPE_UINT32", "TYPE_UINT64",
      "TYPE_INT8", "TYPE_INT16", "TYPE_INT32",  "TYPE_INT64",  "TYPE_FP16",
      "TYPE_FP32", "TYPE_FP64",  "TYPE_BF16",   "TYPE_STRING"};
  return kNames[static_cast<std::size_t>(dtype)];
}

std::optional<DType> dtype_from_config(std::string_view name) {
  for (std::size_t i = 0; i < kDTypeCount; ++i) {
    if (config_type_name(static_cast<DType>(i)) == name) return static_cast<DType>(i);
  }
  return std::nullopt;
}

}  // namespace mlops
