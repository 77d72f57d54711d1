#pragma once
// Lines of a tokens file, as `mlops token new` writes them.

#include <string>

#include "access/token_digest.h"

namespace mlops::testing {

inline std::string token_line(const std::string& name, const std::string& token,
                              const std::string& more = "roles=predict") {
  std::string hex;
  for (const unsigned char byte : digest_of(token)) {
    constexpr char kHex[] = "0123456789abcdef";
    hex += kHex[byte >> 4];
    hex += kHex[byte & 15];
  }
  return "token name=" + name + " sha256=" + hex + " " + more + "\n";
}

}  // namespace mlops::testing
