#pragma once
// The three tokens of JSON that need care, scanned in place: white space, numbers and strings.
// Strict RFC 8259, plus NaN, Inf, Infinity and their negatives as numbers, which Python writes.
// Each function takes the first character of the token and gives the character after it, or null
// when the text is malformed. They never read at or after `end`.

namespace mlops {

inline const char* skip_json_space(const char* at, const char* end) {
  while (at != end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t')) ++at;
  return at;
}

const char* scan_json_number(const char* at, const char* end);

// `at` is the opening quote. `plain` says whether the text between the quotes stands for itself,
// that is, has no escapes.
const char* scan_json_string(const char* at, const char* end, bool& plain);

// Writes what the string at `at` stands for to `out` and moves `out` behind it. Needs as many bytes
// as the text between the quotes has. \u escapes must be whole characters: a lone half of a
// surrogate pair is malformed.
const char* decode_json_string(const char* at, const char* end, char*& out);

}  // namespace mlops
