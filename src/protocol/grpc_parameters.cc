#include "protocol/grpc_parameters.h"

#include <algorithm>
#include <cstring>
#include <type_traits>
#include <variant>

#include "protocol/wire_writer.h"

namespace mlops {
namespace {

// Fields of InferParameter's oneof.
enum Choice : std::uint32_t {
  kBoolParam = 1,
  kInt64Param = 2,
  kStringParam = 3,
  kDoubleParam = 4,
  kUint64Param = 5
};

void read_choice(WireReader choice, WireReader& parent, WireParameter& parameter) {
  while (choice.next()) {
    switch (choice.tag()) {
      case wire_tag(kBoolParam, Wire::varint):
        parameter.value = choice.varint() != 0;
        break;
      case wire_tag(kInt64Param, Wire::varint):
        parameter.value = static_cast<std::int64_t>(choice.varint());
        break;
      case wire_tag(kStringParam, Wire::bytes):
        parameter.value = choice.text();
        break;
      case wire_tag(kDoubleParam, Wire::fixed64):
        parameter.value = choice.fixed<double>();
        break;
      case wire_tag(kUint64Param, Wire::varint):
        parameter.value = choice.varint();
        break;
      default:
        choice.skip();
    }
  }
  parent.finish(choice);
}

void append_choice(std::string& out, const ParameterValue& value) {
  std::visit(
      [&](const auto& held) {
        using Held = std::decay_t<decltype(held)>;
        if constexpr (std::is_same_v<Held, bool>) {
          append_tag(out, kBoolParam, Wire::varint);
          append_varint(out, held ? 1 : 0);
        } else if constexpr (std::is_same_v<Held, std::int64_t>) {
          append_tag(out, kInt64Param, Wire::varint);
          append_varint(out, static_cast<std::uint64_t>(held));
        } else if constexpr (std::is_same_v<Held, std::uint64_t>) {
          append_tag(out, kUint64Param, Wire::varint);
          append_varint(out, held);
        } else if constexpr (std::is_same_v<Held, double>) {
          append_tag(out, kDoubleParam, Wire::fixed64);
          char raw[sizeof(held)];
          std::memcpy(raw, &held, sizeof(held));
          out.append(raw, sizeof(raw));
        } else {
          append_bytes_field(out, kStringParam, held);
        }
      },
      value);
}

}  // namespace

bool read_parameter(WireReader& map, std::size_t entries_max, std::vector<WireParameter>& entries) {
  WireParameter parameter;
  WireReader entry = map.message();
  while (entry.next()) {
    switch (entry.tag()) {
      case wire_tag(1, Wire::bytes):
        parameter.name = entry.text();
        break;
      case wire_tag(2, Wire::bytes):
        read_choice(entry.message(), entry, parameter);
        break;
      default:
        entry.skip();
    }
  }
  map.finish(entry);
  const auto same = std::ranges::find(entries, parameter.name, &WireParameter::name);
  if (same != entries.end()) {
    *same = parameter;
    return true;
  }
  if (entries.size() == entries_max) return false;
  entries.push_back(parameter);
  return true;
}

std::optional<ParameterValue> parameter_value(const WireParameter& parameter) {
  return std::visit(
      [](const auto& held) -> std::optional<ParameterValue> {
        using Held = std::decay_t<decltype(held)>;
        if constexpr (std::is_same_v<Held, std::monostate>) {
          return std::nullopt;
        } else if constexpr (std::is_same_v<Held, std::string_view>) {
          return ParameterValue(std::string(held));
        } else {
          return ParameterValue(held);
        }
      },
      parameter.value);
}

void append_parameters(std::string& out, std::uint32_t field,
                       const std::vector<Parameter>& parameters) {
  for (const Parameter& parameter : parameters) {
    std::string choice;
    append_choice(choice, parameter.value);
    std::string entry;
    append_text_field(entry, 1, parameter.name);
    append_bytes_field(entry, 2, choice);
    append_bytes_field(out, field, entry);
  }
}

}  // namespace mlops
