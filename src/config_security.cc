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
Status set_text(std::string& text, std::string_view value) {
  text = value;
  return {};
}

Status set_open(ServerConfig& config, std::string_view value) {
  const bool both = value == "health,metrics" || value == "metrics,health";
  if (!both && value != "none" && value != "health" && value != "metrics") {
    return not_a(value, "'none', 'health', 'metrics' or 'health,metrics'");
  }
  config.security.access.health_is_open = both || value == "health";
  config.security.access.metrics_are_open = both || value == "metrics";
  return {};
}

using HttpTls = TlsSetters<&SecurityConfig::http_tls>;
using GrpcTls = TlsSetters<&SecurityConfig::grpc_tls>;

constexpr Flag kSecurityFlags[] = {
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
    {"--auth-tokens", "FILE", "hashed tokens and what each may do; see 'mlops token new'",
     [](ServerConfig& c, std::string_view v) {
       return set_text(c.security.access.tokens_file, v);
     }},
    {"--auth-jwt-keys", "FILE", "JWKS or PEM: keys that JSON Web Tokens may be signed with",
     [](ServerConfig& c, std::string_view v) {
       return set_text(c.security.access.jwt_keys_file, v);
     }},
    {"--auth-jwt-issuer", "TEXT", "what their 'iss' must be",
     [](ServerConfig& c, std::string_view v) { return set_text(c.security.access.jwt.issuer, v); }},
    {"--auth-jwt-audience", "TEXT", "what their 'aud' must have",
     [](ServerConfig& c, std::string_view v) {
       return set_text(c.security.access.jwt.audience, v);
     }},
    {"--auth-jwt-roles-claim", "NAME", "where their roles are (default roles)",
     [](ServerConfig& c, std::string_view v) {
       return set_text(c.security.access.jwt.roles_claim, v);
     }},
    {"--auth-open", "none|health|metrics|health,metrics",
     "what needs no token although tokens are on (default health)", set_open},
    {"--admin-port", "PORT", "administrative calls, over HTTP, here instead of on the other ports",
     [](ServerConfig& c, std::string_view v) { return set_port(c.security.admin_port, v); }},
    {"--admin-address", "ADDRESS", "where the admin port listens (default 127.0.0.1)",
     [](ServerConfig& c, std::string_view v) { return set_text(c.security.admin_address, v); }},
    {"--admin-socket", "FILE", "the same on a Unix socket that its owner alone may use",
     [](ServerConfig& c, std::string_view v) { return set_text(c.security.admin_socket, v); }},
    {"--audit-log", "FILE|stderr", "a JSON line for each administrative call",
     [](ServerConfig& c, std::string_view v) { return set_text(c.security.audit_log, v); }},
    {"--http-restricted-api", "NAME,NAME...:KEY=VALUE",
     "repeatable: these calls need the header KEY with VALUE: health, metadata, inference, "
     "shared-memory, model-config, model-repository, statistics, trace, logging",
     [](ServerConfig& c, std::string_view v) { return c.security.http_restricted.add(v); }},
    {"--grpc-restricted-protocol", "NAME,NAME...:KEY=VALUE",
     "likewise; the metadata is triton-grpc-protocol-KEY",
     [](ServerConfig& c, std::string_view v) { return c.security.grpc_restricted.add(v); }},
};

Status check_access(const AccessOptions& access) {
  const bool jwt = !access.jwt_keys_file.empty();
  if (jwt && (access.jwt.issuer.empty() || access.jwt.audience.empty())) {
    return Status::invalid_argument(
        "--auth-jwt-keys needs --auth-jwt-issuer and --auth-jwt-audience: a token for another "
        "service must not do here");
  }
  if (!jwt && (!access.jwt.issuer.empty() || !access.jwt.audience.empty())) {
    return Status::invalid_argument("--auth-jwt-issuer and -audience need --auth-jwt-keys");
  }
  return {};
}

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

std::span<const Flag> security_flags() { return kSecurityFlags; }

Status check(const SecurityConfig& security) {
  if (Status s = check_tls(security.http_tls, "http"); !s.ok()) return s;
  if (Status s = check_tls(security.grpc_tls, "grpc"); !s.ok()) return s;
  return check_access(security.access);
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
  const AccessOptions& access = security.access;
  lines.emplace_back("auth-tokens", access.tokens_file);
  lines.emplace_back("auth-jwt-keys", access.jwt_keys_file);
  if (!access.jwt_keys_file.empty()) {
    lines.emplace_back("auth-jwt-issuer", access.jwt.issuer);
    lines.emplace_back("auth-jwt-audience", access.jwt.audience);
    lines.emplace_back("auth-jwt-roles-claim", access.jwt.roles_claim);
  }
  lines.emplace_back("auth-open", std::string(access.health_is_open ? "health" : "none") +
                                      (access.metrics_are_open ? ",metrics" : ""));
  lines.emplace_back("admin-port", std::to_string(security.admin_port));
  if (security.admin_port >= 0) lines.emplace_back("admin-address", security.admin_address);
  lines.emplace_back("admin-socket", security.admin_socket);
  lines.emplace_back("audit-log", security.audit_log);
  for (const std::string& group : security.http_restricted.describe()) {
    lines.emplace_back("http-restricted-api", group);
  }
  for (const std::string& group : security.grpc_restricted.describe()) {
    lines.emplace_back("grpc-restricted-protocol", group);
  }
  return lines;
}

}  // namespace mlops
