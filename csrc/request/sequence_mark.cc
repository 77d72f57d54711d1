#include "request/sequence_mark.h"

namespace mlops {

bool SequenceMark::has_id() const { return id != SequenceId() && id != SequenceId(std::string()); }

SequenceMark sequence_mark(const Request& request) {
  SequenceMark mark;
  const auto flag = [](const ParameterValue& value) {
    const bool* given = std::get_if<bool>(&value);
    return given && *given;
  };
  for (const Parameter& parameter : request.parameters) {
    if (parameter.name == "sequence_start") {
      mark.start = flag(parameter.value);
    } else if (parameter.name == "sequence_end") {
      mark.end = flag(parameter.value);
    } else if (parameter.name == "sequence_id") {
      if (const auto* text = std::get_if<std::string>(&parameter.value)) {
        mark.id = *text;
      } else if (const auto* number = std::get_if<std::uint64_t>(&parameter.value)) {
        mark.id = *number;
      } else if (const auto* plain = std::get_if<std::int64_t>(&parameter.value)) {
        mark.id = static_cast<std::uint64_t>(*plain);
      }
    }
  }
  return mark;
}

std::string to_string(const SequenceId& id) {
  if (const auto* text = std::get_if<std::string>(&id)) return *text;
  return std::to_string(std::get<std::uint64_t>(id));
}

}  // namespace mlops
