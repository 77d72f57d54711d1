#pragma once
// "did you mean": the known name that is most like a mistyped one.

#include <span>
#include <string>
#include <string_view>

namespace mlops {

// Empty when nothing is near enough to be what was meant.
std::string_view nearest_name(std::string_view given, std::span<const std::string_view> known);

// "; did you mean 'x'?" or nothing.
std::string did_you_mean(std::string_view given, std::span<const std::string_view> known);

}  // namespace mlops
