#include "tls/tls_port.h"

#include <openssl/crypto.h>

#include "tls/tls_channel.h"
#include "tls/tls_context.h"

namespace mlops {

TlsPort::TlsPort(const TlsOptions& options)
    : options_(options), sockets_(make_socket_method(), BIO_meth_free) {}

Result<std::unique_ptr<TlsPort>> TlsPort::open(const TlsOptions& options) {
  std::unique_ptr<TlsPort> port(new TlsPort(options));
  if (!port->sockets_) return Status::resource_exhausted("no memory for TLS");
  if (Status status = port->reload(); !status.ok()) return status;
  return port;
}

Status TlsPort::reload() {
  Result<TlsContext> made = make_tls_context(options_);
  if (!made.ok()) return made.status();
  const std::lock_guard lock(mutex_);
  context_.swap(made->context);  // the old one goes with its last connection
  warnings_ = std::move(made->warnings);
  return {};
}

std::vector<std::string> TlsPort::warnings() const {
  const std::lock_guard lock(mutex_);
  return warnings_;
}

std::unique_ptr<ByteChannel> TlsPort::open(int fd) {
  Context context;
  {
    const std::lock_guard lock(mutex_);
    context = context_;
  }
  SSL* ssl = SSL_new(context.get());
  BIO* bio = ssl ? open_socket_bio(*sockets_, fd) : nullptr;
  if (!bio) {
    SSL_free(ssl);
    return nullptr;
  }
  SSL_set_bio(ssl, bio, bio);
  return std::make_unique<TlsChannel>(ssl);
}

const char* tls_library_version() { return OpenSSL_version(OPENSSL_VERSION); }

}  // namespace mlops
