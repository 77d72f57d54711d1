#pragma once
// What protobuf strings must be and JSON text can carry.

#include <string_view>

namespace mlops {

// Well-formed UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF.
bool is_utf8(std::string_view text);

}  // namespace mlops
