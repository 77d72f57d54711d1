#include "protocol/accepted_echo.h"

#include <bit>

#include "protocol/wire_writer.h"

namespace mlops {
namespace {

// Values were checked when they were read: what fails here is what the default stands for.
template <class T>
T value_of(const ConfigValue& value) {
  ConfigReader reader;
  T read{};
  static_cast<void>(read_value(reader, value, read).ok());
  return read;
}

std::size_t choice_of(const Setting& setting, const ConfigValue& value) {
  std::size_t index = 0;
  static_cast<void>(read_enum_index(value, setting.choices, index).ok());
  return index;
}

void append_number(std::string& out, std::uint32_t field, std::uint64_t value) {
  append_tag(out, field, Wire::varint);
  append_varint(out, value);
}

void append_single(std::string& out, const Setting& setting, std::uint32_t field,
                   const ConfigValue& value) {
  switch (setting.type) {
    case Setting::Type::boolean:
      return append_number(out, field, value_of<bool>(value) ? 1 : 0);
    case Setting::Type::uint32:
      return append_number(out, field, value_of<std::uint32_t>(value));
    case Setting::Type::int32:
    case Setting::Type::int64:
      return append_number(out, field, static_cast<std::uint64_t>(value_of<std::int64_t>(value)));
    case Setting::Type::choice:
      return append_number(out, field, choice_of(setting, value));
    case Setting::Type::text:
      return append_bytes_field(out, field, value.text);
    case Setting::Type::message:
      return append_bytes_field(out, field, accepted_wire(*setting.message, value.fields));
    case Setting::Type::real:
      append_tag(out, field, Wire::fixed64);
      const auto bits = std::bit_cast<std::uint64_t>(value_of<double>(value));
      for (int shift = 0; shift < 64; shift += 8) out.push_back(static_cast<char>(bits >> shift));
  }
}

ConfigEntry entry_of(const ConfigValue& value) {
  ConfigEntry entry;
  static_cast<void>(read_entry(value, entry).ok());
  return entry;
}

void write_single(JsonWriter& json, const Setting& setting, const ConfigValue& value) {
  switch (setting.type) {
    case Setting::Type::boolean:
      json.boolean(value_of<bool>(value));
      return;
    case Setting::Type::int32:
    case Setting::Type::uint32:
    case Setting::Type::int64:
      json.integer(value_of<std::int64_t>(value));
      return;
    case Setting::Type::real:
      json.number(value_of<double>(value));
      return;
    case Setting::Type::text:
      json.string(value.text);
      return;
    case Setting::Type::choice:
      json.string(setting.choices[choice_of(setting, value)]);
      return;
    case Setting::Type::message:
      json.object();
      write_accepted(json, *setting.message, value.fields);
      json.end_object();
  }
}

void write_setting(JsonWriter& json, const Setting& setting, std::span<const ConfigField> given) {
  const ConfigValue nothing;
  const ConfigValue* last = setting.type == Setting::Type::message ? nullptr : &nothing;
  const bool is_map = setting.count == Setting::Count::map;
  const bool is_list = setting.count == Setting::Count::list;
  if (is_map) json.key(setting.name).object();
  if (is_list) json.key(setting.name).array();
  for (const ConfigField& field : given) {
    if (field.name != setting.name) continue;
    last = &field.value;
    if (is_list) write_single(json, setting, field.value);
    if (!is_map) continue;
    const ConfigEntry entry = entry_of(field.value);
    json.key(entry.key->text);
    write_single(json, setting, entry.value ? *entry.value : nothing);
  }
  if (is_map) {
    json.end_object();
  } else if (is_list) {
    json.end_array();
  } else if (last) {
    write_single(json.key(setting.name), setting, *last);
  }
}

}  // namespace

std::string accepted_wire(const SettingMessage& message, std::span<const ConfigField> given) {
  std::string out;
  for (const ConfigField& field : given) {
    const Setting& setting = *message.find(field.name);
    if (setting.count != Setting::Count::map) {
      append_single(out, setting, setting.number, field.value);
      continue;
    }
    const ConfigEntry entry = entry_of(field.value);
    std::string pair;
    append_bytes_field(pair, 1, entry.key->text);
    if (entry.value) append_single(pair, setting, 2, *entry.value);
    append_bytes_field(out, setting.number, pair);
  }
  return out;
}

void write_accepted(JsonWriter& json, const SettingMessage& message,
                    std::span<const ConfigField> given) {
  for (const Setting& setting : message.settings) write_setting(json, setting, given);
}

}  // namespace mlops
