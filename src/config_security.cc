#include "config_security.h"

#include "config.h"
#include "config_flag.h"

namespace mlops {
namespace {

// Triton's flags for TLS say the same of each port.
template <auto Files>
struct TlsSetters {
  static TlsFiles& files(ServerConfig& config) { return config.security.*Files; }
  static Status on(ServerConfig& c, std::string_view v) { return set_flag(files(c).on, v); }
  static Status mutual(ServerConfig& c, std::string_view v) {
    if (Status s = set_flag(files(c).mutual, v); !s.ok()) return s;
    files(c).on = files(c).on || files(c).mutual;
    return {};
  }
  static Status certificate(ServerConfig& c, std::string_view v) {
    files(c).certificate = v;
    return {};
  }
  static Status key(ServerConfig& c, std::string_view v) {
    files(c).key = v;
    return {};
  }
  static Status roots(ServerConfig& c, std::string_view v) {
    files(c).roots = v;
    return {};
  }
};
using HttpTls = TlsSetters<&SecurityConfig::http_tls>;
using GrpcTls = TlsSetters<&SecurityConfig::grpc_tls>;

constexpr Flag kFlags[] = {
    {"--http-use-ssl", "true|false", "TLS on the HTTP port (default false)", HttpTls::on},
    {"--http-use-ssl-mutual", "true|false", "and clients need a certificate too", HttpTls::mutual},
    {"--http-server-cert", "FILE", "PEM: the server's certificate, then its issuers'",
     HttpTls::certificate},
    {"--http-server-key", "FILE", "PEM: the key of that certificate", HttpTls::key},
    {"--http-root-cert", "FILE", "PEM: who vouches for clients' certificates", HttpTls::roots},
    {"--grpc-use-ssl", "true|false", "the same five for the gRPC port", GrpcTls::on},
    {"--grpc-use-ssl-mutual", "true|false", "", GrpcTls::mutual},
    {"--grpc-server-cert", "FILE", "", GrpcTls::certificate},
    {"--grpc-server-key", "FILE", "", GrpcTls::key},
    {"--grpc-root-cert", "FILE", "", GrpcTls::roots},
    {"--ssl-handshake-timeout-ms", "MS", "for a TLS handshake, both ports (default 10000)",
     [](ServerConfig& c, std::string_view v) {
       return set_number(c.security.handshake_timeout_ms, v, std::uint64_t{1},
                         std::uint64_t{86'400'000});
     }},
};

Status check_tls(const TlsFiles& files, const std::string& door) {
  if (!files.on) {
    if (files.certificate.empty() && files.key.empty() && files.roots.empty()) return {};
    return Status::invalid_argument("--" + door + "-server-cert, -key and -root-cert need --" +
                                    door + "-use-ssl=true");
  }
  if (files.certificate.empty() || files.key.empty()) {
    return Status::invalid_argument("--" + door + "-use-ssl needs --" + door +
                                    "-server-cert and --" + door + "-server-key");
  }
  if (files.mutual && files.roots.empty()) {
    return Status::invalid_argument("--" + door + "-use-ssl-mutual needs --" + door + "-root-cert");
  }
  return {};
}

}  // namespace

std::span<const Flag> security_flags() { return kFlags; }

Status check(const SecurityConfig& security) {
  if (Status s = check_tls(security.http_tls, "http"); !s.ok()) return s;
  return check_tls(security.grpc_tls, "grpc");
}

std::vector<std::pair<std::string, std::string>> describe(const SecurityConfig& security) {
  std::vector<std::pair<std::string, std::string>> lines;
  const auto tls = [&lines](const TlsFiles& files, const std::string& door) {
    lines.emplace_back(door + "-use-ssl", files.on ? "true" : "false");
    if (!files.on) return;
    lines.emplace_back(door + "-use-ssl-mutual", files.mutual ? "true" : "false");
    lines.emplace_back(door + "-server-cert", files.certificate);
    lines.emplace_back(door + "-server-key", files.key);
    if (files.mutual) lines.emplace_back(door + "-root-cert", files.roots);
  };
  tls(security.http_tls, "http");
  tls(security.grpc_tls, "grpc");
  lines.emplace_back("ssl-handshake-timeout-ms", std::to_string(security.handshake_timeout_ms));
  return lines;
}

}  // namespace mlops
