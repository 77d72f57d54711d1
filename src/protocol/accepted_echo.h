#pragma once
// Settings that a configuration gave and that have no effect here, written back. Pure.

#include <span>
#include <string>

#include "model/accepted_settings.h"
#include "protocol/json_writer.h"

namespace mlops {

// Fields of `message` on protobuf's wire, as they were given.
std::string accepted_wire(const SettingMessage& message, std::span<const ConfigField> given);

// Members of an object that is open: all that `message` has, with their defaults where nothing was
// given, but for messages, which are there when they were given.
void write_accepted(JsonWriter& json, const SettingMessage& message,
                    std::span<const ConfigField> given);

}  // namespace mlops
