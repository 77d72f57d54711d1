#pragma once
// JSON text, appended to a string. Numbers are the shortest that read back to the same value.

#include <cstdint>
#include <string>
#include <string_view>

#include "request/request.h"
#include "tensor/tensor.h"

namespace mlops {

// With quotes and escapes. Bytes that are not UTF-8 become U+FFFD, one for one.
void append_json_string(std::string& out, std::string_view text);
void append_json_integer(std::string& out, std::int64_t value);
void append_json_value(std::string& out, const ParameterValue& value);
void append_json_shape(std::string& out, const Shape& shape);  // [2,3]

// The elements of a dense tensor as one flat array. False, and `out` as it was, for types that JSON
// does not carry (FP16, BF16) and for byte strings that are not UTF-8.
bool append_json_data(std::string& out, const Tensor& tensor);

}  // namespace mlops
