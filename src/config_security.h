#pragma once
// Who may do what: the part of the server's settings that docs/security.md explains.

#include <string>
#include <vector>

#include "access/access.h"
#include "access/restricted_calls.h"
#include "base/status.h"
#include "tls/tls_files.h"

namespace mlops {

struct SecurityConfig {
  TlsFiles http_tls;
  TlsFiles grpc_tls;
  std::uint64_t handshake_timeout_ms = 10'000;
  AccessOptions access;
  int admin_port = -1;
  std::string admin_address = "127.0.0.1";
  std::string admin_socket;  // empty: none
  std::string audit_log;     // empty: none
  RestrictedCalls http_restricted;
  RestrictedCalls grpc_restricted;

  bool has_admin_door() const { return admin_port >= 0 || !admin_socket.empty(); }
};

// What cannot be served as it was asked for. Reads no file.
Status check(const SecurityConfig& security);
// "name = value" lines, for --check. Paths, never what is in the files.
std::vector<std::pair<std::string, std::string>> describe(const SecurityConfig& security);

}  // namespace mlops
