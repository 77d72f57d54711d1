#pragma once
// Members of the infer request's objects, read with the errors that Triton words.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/in_quotes.h"
#include "base/status.h"
#include "protocol/json_cursor.h"
#include "request/request.h"
#include "tensor/buffer.h"

namespace mlops {

// How deep the documents of settings may nest: they need a few levels.
inline constexpr std::size_t kSettingsDepthMax = 16;

Status unable_to_parse(std::string_view key, std::string_view why);
Status missing_member(std::string_view key);

// Marks `key` as seen. A key that decides something must not be there twice: which one counts would
// depend on the parser.
Status first_time(bool& seen, std::string_view key);

// A string that lives as long as the JSON text, or, when it has escapes, as a buffer that is added
// to `keep_alive`.
Status read_json_text(JsonCursor& json, std::string_view key, std::vector<Buffer>& keep_alive,
                      std::string_view& out);

Status read_json_unsigned(JsonCursor& json, std::string_view key, std::size_t& out);
Status read_json_boolean(JsonCursor& json, std::string_view key, bool& out);

// The value of a parameter whose name is set: a boolean, number or string.
Status read_json_parameter(JsonCursor& json, Parameter& parameter);

// Checks that an object or array comes next, so that a wrong type is not a syntax error.
Status expect_json(JsonCursor& json, std::string_view key, JsonKind kind);

}  // namespace mlops
