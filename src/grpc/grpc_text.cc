#include "grpc/grpc_text.h"

#include <charconv>

namespace mlops {

std::optional<Duration> parse_grpc_timeout(std::string_view text) {
  if (text.size() < 2 || text.size() > 9) return std::nullopt;
  std::int64_t amount = 0;
  const char* unit = text.data() + text.size() - 1;
  const auto [stop, error] = std::from_chars(text.data(), unit, amount);
  if (error != std::errc() || stop != unit || amount < 0) return std::nullopt;
  switch (*unit) {
    case 'H':
      return std::chrono::hours(std::min<std::int64_t>(amount, 24 * 365 * 100));  // no overflow
    case 'M':
      return std::chrono::minutes(std::min<std::int64_t>(amount, 60 * 24 * 365 * 100));
    case 'S':
      return std::chrono::seconds(amount);
    case 'm':
      return std::chrono::milliseconds(amount);
    case 'u':
      return std::chrono::microseconds(amount);
    case 'n':
      return std::chrono::nanoseconds(amount);
    default:
      return std::nullopt;
  }
}

std::string encode_grpc_message(std::string_view text, std::size_t bytes_max) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (out.size() + 3 > bytes_max) break;
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte <= 0x7e && byte != '%') {
      out.push_back(c);
    } else {
      out.push_back('%');
      out.push_back(kHex[byte >> 4]);
      out.push_back(kHex[byte & 15]);
    }
  }
  return out;
}

}  // namespace mlops
