#pragma once
// RFC 4648 base64, as JSON carries bytes.

#include <optional>
#include <string>
#include <string_view>

namespace mlops {

// Padding may be missing; anything else that is not the standard alphabet is refused.
std::optional<std::string> decode_base64(std::string_view text);

}  // namespace mlops
