#pragma once
// 'text', as error messages show names and values.

#include <string>
#include <string_view>

namespace mlops {

// Not called `quoted`: argument-dependent lookup would prefer std::quoted where <iomanip> is
// included.
inline std::string in_quotes(std::string_view text) { return "'" + std::string(text) + "'"; }

}  // namespace mlops
