#pragma once
// Why a model takes a request no further although nothing is wrong with it, in words and as a
// counter. Texts contain Triton's where clients look for them. All are worth trying again, later or
// elsewhere.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"

namespace mlops {

enum class Refusal : std::uint8_t { queue_full, timeout, inflight, memory, objective };
inline constexpr std::size_t kRefusals = 5;

std::string_view refusal_name(Refusal refusal);

// `model` is its name.
Status refusal_status(Refusal refusal, const std::string& model);

}  // namespace mlops
