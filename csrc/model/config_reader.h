#pragma once
// From a tree to structs: one table of members per message, one read_value() per type. What a
// struct's table does not list is an unknown key; a member that is not a list or map may be there
// once.

#include <array>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "model/config_tree.h"
#include "tensor/dtype.h"

namespace mlops {

struct ConfigReader {
  std::vector<std::string> unused;  // known settings that change nothing here
};

Status config_error(const ConfigValue& value, const std::string& what);

Status read_value(ConfigReader& reader, const ConfigValue& value, std::string& out);
Status read_value(ConfigReader& reader, const ConfigValue& value, bool& out);
Status read_value(ConfigReader& reader, const ConfigValue& value, std::int32_t& out);
Status read_value(ConfigReader& reader, const ConfigValue& value, std::uint32_t& out);
Status read_value(ConfigReader& reader, const ConfigValue& value, std::int64_t& out);
Status read_value(ConfigReader& reader, const ConfigValue& value, std::uint64_t& out);
Status read_value(ConfigReader& reader, const ConfigValue& value, float& out);
Status read_value(ConfigReader& reader, const ConfigValue& value, double& out);
Status read_value(ConfigReader& reader, const ConfigValue& value, std::optional<DType>& out);

// `names` in the order of the enum's values.
Status read_enum_index(const ConfigValue& value, std::span<const std::string_view> names,
                       std::size_t& out);
template <class Enum>
Status read_enum(const ConfigValue& value, std::span<const std::string_view> names, Enum& out) {
  std::size_t index = 0;
  Status status = read_enum_index(value, names, index);
  if (status.ok()) out = static_cast<Enum>(index);
  return status;
}

template <class T>
Status read_value(ConfigReader& reader, const ConfigValue& value, std::vector<T>& out) {
  T item{};
  Status status = read_value(reader, value, item);
  if (status.ok()) out.push_back(std::move(item));
  return status;
}

template <class T>
Status read_value(ConfigReader& reader, const ConfigValue& value, std::optional<T>& out) {
  T item{};
  Status status = read_value(reader, value, item);
  if (status.ok()) out = std::move(item);
  return status;
}

// An entry of a map: a message with `key` and `value`.
struct ConfigEntry {
  const ConfigValue* key = nullptr;
  const ConfigValue* value = nullptr;
};
Status read_entry(const ConfigValue& entry, ConfigEntry& out);

template <class K, class V>
Status read_value(ConfigReader& reader, const ConfigValue& value, std::map<K, V>& out) {
  ConfigEntry entry;
  if (Status s = read_entry(value, entry); !s.ok()) return s;
  K key{};
  if (Status s = read_value(reader, *entry.key, key); !s.ok()) return s;
  V item{};
  if (entry.value) {
    if (Status s = read_value(reader, *entry.value, item); !s.ok()) return s;
  }
  if (!out.emplace(std::move(key), std::move(item)).second) {
    return config_error(value, "key '" + entry.key->text + "' is given twice");
  }
  return {};
}

template <class T>
struct ConfigMember {
  std::string_view name;
  Status (*read)(ConfigReader& reader, const ConfigValue& value, T& out);
  bool repeated = false;
};

template <class T>
inline constexpr bool kIsRepeated = false;
template <class T>
inline constexpr bool kIsRepeated<std::vector<T>> = true;
template <class K, class V>
inline constexpr bool kIsRepeated<std::map<K, V>> = true;

// member<&Struct::field>("field")
template <auto Field, class T, class V>
constexpr ConfigMember<T> member_of(std::string_view name, V T::*) {
  return {name,
          [](ConfigReader& reader, const ConfigValue& value, T& out) {
            return read_value(reader, value, out.*Field);
          },
          kIsRepeated<V>};
}
template <auto Field>
constexpr auto member(std::string_view name) {
  return member_of<Field>(name, Field);
}

// Known to Triton, of no effect here.
void note_unused(ConfigReader& reader, std::string_view name, const ConfigValue& value);
// Which of `names` each field is; checks that the value is a message, that every key is known, and
// that only repeated ones are there twice.
Status match_members(const ConfigValue& value, std::span<const std::string_view> names,
                     std::span<const bool> repeated, std::string_view what,
                     std::vector<std::size_t>& members);

template <class T, std::size_t N>
Status read_members(ConfigReader& reader, const ConfigValue& value,
                    const std::array<ConfigMember<T>, N>& members, std::string_view what, T& out) {
  std::array<std::string_view, N> names;
  std::array<bool, N> repeated;
  for (std::size_t i = 0; i < N; ++i) {
    names[i] = members[i].name;
    repeated[i] = members[i].repeated;
  }
  std::vector<std::size_t> found;
  if (Status s = match_members(value, names, repeated, what, found); !s.ok()) return s;
  for (std::size_t i = 0; i < found.size(); ++i) {
    Status status = members[found[i]].read(reader, value.fields[i].value, out);
    if (!status.ok()) return status;
  }
  return {};
}

}  // namespace mlops
