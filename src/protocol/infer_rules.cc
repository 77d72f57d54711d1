#include "protocol/infer_rules.h"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "base/in_quotes.h"

namespace mlops {
namespace {

constexpr std::size_t kSequenceIdBytesMax = 128;

Status wrong_type(InferDoor door, const std::string& name, std::string_view expected) {
  if (door == InferDoor::http) {
    return Status::invalid_argument("Unable to parse " + in_quotes(name) + ": expected " +
                                    std::string(expected));
  }
  return Status::invalid_argument("invalid value type for " + in_quotes(name) +
                                  " parameter, expected " + std::string(expected) + ".");
}

// Both doors write small numbers as int64; uint64 is only for what does not fit.
bool as_unsigned(const ParameterValue& value, std::uint64_t& out) {
  if (const auto* number = std::get_if<std::uint64_t>(&value)) {
    out = *number;
    return true;
  }
  const auto* number = std::get_if<std::int64_t>(&value);
  if (!number || *number < 0) return false;
  out = static_cast<std::uint64_t>(*number);
  return true;
}

Status check_priority(InferDoor door, const Parameter& parameter) {
  const auto* number = std::get_if<std::int64_t>(&parameter.value);
  if (door == InferDoor::grpc && number && *number < 0) {
    return Status::invalid_argument("invalid value for 'priority', expected value >= 0.");
  }
  std::uint64_t priority = 0;
  if (as_unsigned(parameter.value, priority)) return {};
  return wrong_type(
      door, parameter.name,
      door == InferDoor::http ? "an unsigned integer" : "int64_param or uint64_param");
}

Status take_timeout(InferDoor door, const Parameter& parameter, std::uint64_t& timeout_us) {
  const bool fits_door =
      door == InferDoor::http || std::holds_alternative<std::int64_t>(parameter.value);
  if (fits_door && as_unsigned(parameter.value, timeout_us)) return {};
  return wrong_type(door, parameter.name,
                    door == InferDoor::http ? "an unsigned integer" : "int64_param >= 0");
}

Status check_sequence_id(InferDoor door, const Parameter& parameter) {
  if (const auto* text = std::get_if<std::string>(&parameter.value)) {
    if (text->size() <= kSequenceIdBytesMax) return {};
    return Status::invalid_argument("string 'sequence_id' must be at most 128 characters");
  }
  std::uint64_t number = 0;
  const bool is_number = door == InferDoor::http
                             ? as_unsigned(parameter.value, number)
                             : std::holds_alternative<std::int64_t>(parameter.value);
  if (is_number) return {};
  return wrong_type(
      door, parameter.name,
      door == InferDoor::http ? "an unsigned integer or a string" : "int64_param or string_param");
}

Status check_flag(InferDoor door, const Parameter& parameter) {
  if (std::holds_alternative<bool>(parameter.value)) return {};
  return wrong_type(door, parameter.name, door == InferDoor::http ? "a boolean" : "bool_param");
}

Status check_reserved(InferDoor door, const Parameter& parameter) {
  const std::string& name = parameter.name;
  if (name == "priority") return check_priority(door, parameter);
  if (name == "sequence_id") return check_sequence_id(door, parameter);
  if (name == "sequence_start" || name == "sequence_end") return check_flag(door, parameter);
  if (name.starts_with("triton_")) {
    if (door == InferDoor::http) {
      return Status::invalid_argument(
          "parameter keys starting with 'triton_' are reserved for Triton usage and should not be "
          "specified.");
    }
    if (name == "triton_enable_empty_final_response") return check_flag(door, parameter);
    return Status::invalid_argument(
        "parameter keys starting with 'triton_' are reserved for Triton usage. Only the following "
        "keys starting with 'triton_' are allowed: triton_enable_empty_final_response");
  }
  if (door == InferDoor::grpc && std::holds_alternative<std::uint64_t>(parameter.value)) {
    return wrong_type(door, name, "int64_param, bool_param, double_param or string_param");
  }
  return {};
}

}  // namespace

Status check_input_shape(std::string_view input, const Shape& shape) {
  const std::string_view problem =
      std::ranges::any_of(shape.dims(), [](std::int64_t dim) { return dim < 0; })
          ? " contains one or more invalid dimensions"
      : !shape.elements() ? " causes total element count to exceed maximum size of "
                          : "";
  if (problem.empty()) return {};
  std::string text = "invalid shape for input " + in_quotes(input) + ": shape " + shape.to_string();
  text.append(problem);
  if (problem.ends_with("of ")) text += std::to_string(std::numeric_limits<std::int64_t>::max());
  return Status::invalid_argument(std::move(text));
}

Status too_many_dims(std::string_view input) {
  return Status::invalid_argument("invalid shape for input " + in_quotes(input) + ": more than " +
                                  std::to_string(kMaxRank) + " dimensions");
}

Status unknown_datatype(std::string_view input, std::string_view datatype) {
  return Status::invalid_argument("invalid datatype " + in_quotes(datatype.substr(0, 64)) +
                                  " for input " + in_quotes(input));
}

Status take_parameter(InferDoor door, Parameter&& parameter, const DecodeLimits& limits,
                      Request& request, std::uint64_t& timeout_us) {
  if (request.parameters.size() >= limits.parameters_max) {
    return Status::invalid_argument("more than " + std::to_string(limits.parameters_max) +
                                    " request parameters");
  }
  if (Status named = check_name("parameter", parameter.name, limits); !named.ok()) return named;
  if (parameter.name == "timeout") return take_timeout(door, parameter, timeout_us);
  if (Status reserved = check_reserved(door, parameter); !reserved.ok()) return reserved;
  request.parameters.push_back(std::move(parameter));
  return {};
}

Status check_outputs_distinct(const Request& request) {
  if (request.outputs.size() < 2) return {};
  std::vector<std::string_view> sorted(request.outputs);
  std::ranges::sort(sorted);
  const auto twice = std::ranges::adjacent_find(sorted);
  if (twice == sorted.end()) return {};
  return Status::invalid_argument("output " + in_quotes(*twice) + " already exists in request");
}

Status check_name(std::string_view what, std::string_view name, const DecodeLimits& limits) {
  if (name.size() <= limits.name_bytes_max) return {};
  return Status::invalid_argument(std::string(what) + " name is longer than " +
                                  std::to_string(limits.name_bytes_max) + " bytes");
}

}  // namespace mlops
