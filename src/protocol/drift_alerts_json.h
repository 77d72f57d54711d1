#pragma once
// What a version's judge has found, as JSON: docs/drift.md. Pure.

#include <string>
#include <string_view>

#include "engine/engine.h"

namespace mlops {

std::string drift_alerts_json(const JudgeView& view);

// "0", "17": the number of an event, after which others are asked for.
Result<std::uint64_t> parse_event_number(std::string_view text);

}  // namespace mlops
