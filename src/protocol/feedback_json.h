#pragma once
// Feedback by request id as clients send it, what became of it, and realised quality, as JSON.
// Pure.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/engine.h"

namespace mlops {

inline constexpr std::size_t kFeedbackBytesMax = std::size_t{4} << 20;  // of one body
inline constexpr std::size_t kFeedbackItemsMax = 10'000;                // in it
inline constexpr std::size_t kFeedbackIdBytesMax = 1024;

// {"feedback": [{"id": "a", "label": 1}, {"id": "b", "label": 0, "correction": true},
//               {"id": "c", "reward": 0.5}]}; a label may be true or false.
Result<std::vector<Feedback>> parse_feedback(std::string_view text);

// {"results": ["joined", ...], "joined": 1, ...}: in the order in which they came, and counted.
std::string feedback_json(std::span<const Joined> results);

std::string quality_json(const QualityView& view);

}  // namespace mlops
