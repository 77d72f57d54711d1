#pragma once
// RapidJSON, which other people wrote, as the judge of what is JSON.

// Its stack adds to a null pointer before the first push. The result is not used, but it is
// undefined.
#if defined(__clang__)
#pragma clang attribute push(__attribute__((no_sanitize("pointer-overflow"))), apply_to = function)
#endif
#include <rapidjson/reader.h>
#if defined(__clang__)
#pragma clang attribute pop
#endif

#include <string>

namespace mlops::testing {

// Nesting is limited as the cursor's, so that both stop at the same place.
struct DepthOnly : rapidjson::BaseReaderHandler<rapidjson::UTF8<>, DepthOnly> {
  int depth = 0;
  bool StartObject() { return ++depth <= 100; }
  bool StartArray() { return ++depth <= 100; }
  bool EndObject(rapidjson::SizeType) { return --depth >= 0; }
  bool EndArray(rapidjson::SizeType) { return --depth >= 0; }
};

// Numbers that no double holds are JSON too, though RapidJSON refuses them.
inline bool rapidjson_accepts(const std::string& text) {
  if (text.find('\0') != std::string::npos) return false;  // it takes NUL for the end
  constexpr unsigned kFlags = rapidjson::kParseIterativeFlag | rapidjson::kParseNanAndInfFlag |
                              rapidjson::kParseNumbersAsStringsFlag;
  rapidjson::StringStream stream(text.c_str());
  rapidjson::Reader reader;
  DepthOnly handler;
  const auto result = reader.Parse<kFlags>(stream, handler);
  return !result.IsError() || result.Code() == rapidjson::kParseErrorNumberTooBig;
}

}  // namespace mlops::testing
