#pragma once
// Who may do what: the part of the server's settings that docs/security.md explains.

#include <string>
#include <vector>

#include "base/status.h"
#include "tls/tls_files.h"

namespace mlops {

struct SecurityConfig {
  TlsFiles http_tls;
  TlsFiles grpc_tls;
  std::uint64_t handshake_timeout_ms = 10'000;
};

// What cannot be served as it was asked for. Reads no file.
Status check(const SecurityConfig& security);
// "name = value" lines, for --check. Paths, never what is in the files.
std::vector<std::pair<std::string, std::string>> describe(const SecurityConfig& security);

}  // namespace mlops
