#pragma once
// Settings of Triton's configuration that have no effect here and are still shown to whoever asks:
// they are checked against a table when they are read, and kept as they were given. The tables
// also say how they are written, as protobuf and as JSON. Pure; the tables are constants.

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "model/config_reader.h"

namespace mlops {

struct SettingMessage;

struct Setting {
  enum class Type : std::uint8_t { boolean, int32, uint32, int64, real, text, choice, message };
  enum class Count : std::uint8_t { one, list, map };  // a map's keys are texts
  std::string_view name;
  std::uint32_t number = 0;  // of the protobuf field
  Type type = Type::message;
  Count count = Count::one;
  const SettingMessage* message = nullptr;         // of a message
  std::span<const std::string_view> choices = {};  // of a choice, in the order of their numbers
};

struct SettingMessage {
  std::span<const Setting> settings;

  const Setting* find(std::string_view name) const;
};

extern const SettingMessage kModelSettings;     // of ModelConfig
extern const SettingMessage kInstanceSettings;  // of ModelInstanceGroup

// Checks a value of the setting `name` of `message` and keeps it.
Status accept_setting(const SettingMessage& message, std::string_view name,
                      const ConfigValue& value, std::vector<ConfigField>& into);

template <class T, const SettingMessage& Message, const char* Name>
constexpr ConfigMember<T> accepted_member(bool repeated = false) {
  return {Name,
          [](ConfigReader& reader, const ConfigValue& value, T& out) {
            note_unused(reader, Name, value);
            return accept_setting(Message, Name, value, out.accepted);
          },
          repeated};
}

}  // namespace mlops
