#include "loadgen/json_text.h"

#include <charconv>
#include <cstdio>

namespace mlops::loadgen {

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char escaped[8];
      std::snprintf(escaped, sizeof(escaped), "\\u%04x", static_cast<unsigned>(c));
      out += escaped;
    } else {
      out += c;
    }
  }
  out += '"';
}

std::optional<std::vector<float>> json_output_values(std::string_view body) {
  std::vector<float> values;
  constexpr std::string_view kKey = "\"data\"";
  for (std::size_t at = body.find(kKey); at != body.npos; at = body.find(kKey, at)) {
    at = body.find('[', at);
    if (at == body.npos) return std::nullopt;
    int depth = 0;
    while (at < body.size()) {
      const char c = body[at];
      if (c == '[') ++depth;
      if (c == ']' && --depth == 0) break;
      if (c == '[' || c == ']' || c == ',' || c == ' ' || c == '\n' || c == '\r' || c == '\t') {
        ++at;
        continue;
      }
      float value = 0;
      const auto [end, error] = std::from_chars(body.data() + at, body.data() + body.size(), value);
      if (error != std::errc{}) return std::nullopt;
      values.push_back(value);
      at = static_cast<std::size_t>(end - body.data());
    }
    if (at >= body.size()) return std::nullopt;
  }
  return values;
}

}  // namespace mlops::loadgen
