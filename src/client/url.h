#pragma once
// "http://host:port/path" taken apart, for the servers that this one is a client of. Pure.

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"

namespace mlops {

struct Url {
  bool tls = false;
  std::string host;  // without the brackets of an IPv6 address
  std::uint16_t port = 80;
  std::string target = "/";  // path and query

  // As the Host header has it: without a port that goes without saying.
  std::string authority() const;
};

// http and https only; a user or a fragment is refused. Errors do not quote what follows the host.
Result<Url> parse_url(std::string_view text);

}  // namespace mlops
