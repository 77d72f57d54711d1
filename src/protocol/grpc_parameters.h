#pragma once
// map<string, InferParameter>, on the wire.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/wire_reader.h"
#include "request/request.h"

namespace mlops {

// A map entry in place: names and strings are views into the message. No value when the sender set
// none of the choices.
struct WireParameter {
  std::string_view name;
  std::variant<std::monostate, bool, std::int64_t, std::uint64_t, double, std::string_view> value;
};

// Reads the entry that `map` stands at and adds it, replacing one of the same name (the last entry
// of a key wins). False when that would make more than `entries_max`; malformed bytes fail the
// reader.
bool read_parameter(WireReader& map, std::size_t entries_max, std::vector<WireParameter>& entries);

std::optional<ParameterValue> parameter_value(const WireParameter& parameter);

// Appends map entries under field number `field`.
void append_parameters(std::string& out, std::uint32_t field,
                       const std::vector<Parameter>& parameters);

}  // namespace mlops
