#include "tls/tls_context.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509err.h>
#include <sys/stat.h>

#include <array>
#include <cstring>
#include <ctime>

#include "model/text_file.h"

namespace mlops {
namespace {

constexpr std::size_t kFileBytesMax = std::size_t{1} << 20;
constexpr int kSoonDays = 14;
// For TLS 1.2: ephemeral keys and authenticated encryption alone. TLS 1.3 has nothing else.
constexpr char kCiphers[] = "ECDHE+AESGCM:ECDHE+CHACHA20";

// Why OpenSSL last failed, without the contents of any file.
std::string openssl_reason() {
  const unsigned long code = ERR_peek_last_error();
  const char* reason = ERR_reason_error_string(code);
  return reason ? reason : "not PEM, or damaged";
}

Status wrong(const std::string& what, const std::string& path, const std::string& why) {
  return Status::invalid_argument(what + " '" + path + "': " + why);
}

Status check_readable(const std::string& what, const std::string& path) {
  const Result<std::string> text = read_file(path, kFileBytesMax);
  if (text.ok()) return {};
  return Status(text.status().code(), what + ": " + text.status().message());
}

// Asking on the terminal would stop a server's start.
int no_passphrase(char*, int, int, void*) { return 0; }

Status use_certificate(SSL_CTX& context, const TlsFiles& files) {
  if (Status s = check_readable("server certificate", files.certificate); !s.ok()) return s;
  if (Status s = check_readable("server key", files.key); !s.ok()) return s;
  ERR_clear_error();
  if (SSL_CTX_use_certificate_chain_file(&context, files.certificate.c_str()) != 1) {
    return wrong("server certificate", files.certificate, openssl_reason());
  }
  ERR_clear_error();
  const bool key_read =
      SSL_CTX_use_PrivateKey_file(&context, files.key.c_str(), SSL_FILETYPE_PEM) == 1;
  if (key_read && SSL_CTX_check_private_key(&context) == 1) return {};
  if (key_read || ERR_GET_REASON(ERR_peek_last_error()) == X509_R_KEY_VALUES_MISMATCH) {
    return wrong("server key", files.key,
                 "it does not belong to the certificate '" + files.certificate + "'");
  }
  return wrong("server key", files.key, openssl_reason() + " (keys with a passphrase are refused)");
}

Status use_roots(SSL_CTX& context, const TlsFiles& files) {
  if (!files.mutual) return {};
  if (Status s = check_readable("root certificates", files.roots); !s.ok()) return s;
  ERR_clear_error();
  STACK_OF(X509_NAME)* names = SSL_load_client_CA_file(files.roots.c_str());
  if (!names || SSL_CTX_load_verify_file(&context, files.roots.c_str()) != 1) {
    sk_X509_NAME_pop_free(names, X509_NAME_free);
    return wrong("root certificates", files.roots, openssl_reason());
  }
  SSL_CTX_set_client_CA_list(&context, names);
  SSL_CTX_set_verify(&context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  return {};
}

// One protocol a port: a client that asks for others only is told so by the handshake. One that
// asks for none is served, for it can mean nothing else.
int select_protocol(SSL*, const unsigned char** out, unsigned char* out_size,
                    const unsigned char* in, unsigned int in_size, void* wanted) {
  const auto& name = *static_cast<const std::string_view*>(wanted);
  for (unsigned at = 0; at < in_size;) {
    const unsigned size = in[at];
    if (size > in_size - at - 1) break;
    if (size == name.size() && std::memcmp(in + at + 1, name.data(), size) == 0) {
      *out = in + at + 1;
      *out_size = static_cast<unsigned char>(size);
      return SSL_TLSEXT_ERR_OK;
    }
    at += size + 1;
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

void set_rules(SSL_CTX& context, TlsProtocol protocol) {
  static constexpr std::array<std::string_view, 2> kNames = {"http/1.1", "h2"};
  SSL_CTX_set_min_proto_version(&context, TLS1_2_VERSION);
  SSL_CTX_set_cipher_list(&context, kCiphers);
  SSL_CTX_set_options(&context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                    SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  // The queue of unsent bytes may move them; idle connections keep no record buffers.
  SSL_CTX_set_mode(&context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                 SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(&context, 1);
  SSL_CTX_set_default_passwd_cb(&context, no_passphrase);
  // Sessions are resumed by tickets; a table of them here would only be memory for strangers.
  SSL_CTX_set_session_cache_mode(&context, SSL_SESS_CACHE_OFF);
  constexpr unsigned char kSessions[] = "mlops-server";
  SSL_CTX_set_session_id_context(&context, kSessions, sizeof kSessions - 1);
  SSL_CTX_set_alpn_select_cb(
      &context, select_protocol,
      const_cast<std::string_view*>(&kNames[static_cast<std::size_t>(protocol)]));
}

void judge_dates(const X509& certificate, const std::string& path,
                 std::vector<std::string>& warnings) {
  const ASN1_TIME* end = X509_get0_notAfter(&certificate);
  std::time_t soon = std::time(nullptr) + kSoonDays * 24 * 3600;
  const std::string what = "the server certificate '" + path + "' ";
  if (X509_cmp_current_time(X509_get0_notBefore(&certificate)) > 0) {
    warnings.push_back(what + "is not valid yet: clients will refuse it");
  } else if (X509_cmp_current_time(end) < 0) {
    warnings.push_back(what + "has expired: clients will refuse it");
  } else if (X509_cmp_time(end, &soon) < 0) {
    warnings.push_back(what + "expires within " + std::to_string(kSoonDays) + " days");
  }
}

void judge(const SSL_CTX& context, const TlsFiles& files, std::vector<std::string>& warnings) {
  if (const X509* certificate = SSL_CTX_get0_certificate(&context)) {
    judge_dates(*certificate, files.certificate, warnings);
  }
  struct stat facts {};
  if (::stat(files.key.c_str(), &facts) == 0 && (facts.st_mode & (S_IROTH | S_IWOTH)) != 0) {
    warnings.push_back("the server key '" + files.key + "' can be read by every user");
  }
}

}  // namespace

Result<TlsContext> make_tls_context(const TlsOptions& options) {
  // The host's openssl.cnf is for the host's OpenSSL; this one is linked in.
  OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr);
  TlsContext made;
  made.context.reset(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  if (!made.context) return Status::internal("TLS cannot be set up: " + openssl_reason());
  set_rules(*made.context, options.protocol);
  if (Status s = use_certificate(*made.context, options.files); !s.ok()) return s;
  if (Status s = use_roots(*made.context, options.files); !s.ok()) return s;
  judge(*made.context, options.files, made.warnings);
  ERR_clear_error();
  return made;
}

}  // namespace mlops
