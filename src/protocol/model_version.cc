#include "protocol/model_version.h"

#include <charconv>
#include <string>

#include "request/request.h"

namespace mlops {

Result<std::int64_t> parse_model_version(std::string_view text) {
  if (text.empty()) return kAnyVersion;
  std::int64_t version = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), version);
  if (error != std::errc() || end != text.data() + text.size() || version < 0) {
    return Status::invalid_argument("failed to get model version from specified version string '" +
                                    std::string(text.substr(0, 64)) +
                                    "', version should be an integral value > 0");
  }
  return version;
}

}  // namespace mlops
