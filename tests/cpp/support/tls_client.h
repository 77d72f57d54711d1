#pragma once
// The client's side of TLS over one end of a socket pair; the test takes turns with the loop.

#include <openssl/ssl.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "support/certificates.h"
#include "support/socket_pair.h"

namespace mlops::testing {

class TlsClient {
 public:
  TlsClient(int fd, const std::function<void(SSL_CTX*)>& set_up = {}) {
    context_.reset(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
    SSL_CTX_set_mode(context_.get(), SSL_MODE_ENABLE_PARTIAL_WRITE);
    if (set_up) set_up(context_.get());
    ssl_.reset(SSL_new(context_.get()), SSL_free);
    SSL_set_fd(ssl_.get(), fd);
  }

  // True when it is done; false when the other side has to do something first, or has refused.
  bool shake_hands() { return SSL_connect(ssl_.get()) == 1; }
  int send(std::string_view bytes) {
    return SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()));
  }
  // What is there now; sets `said_goodbye` and `failed`.
  std::string receive() {
    std::string all;
    char part[65536];
    while (true) {
      const int size = SSL_read(ssl_.get(), part, sizeof part);
      if (size <= 0) {
        const int error = SSL_get_error(ssl_.get(), size);
        said_goodbye = said_goodbye || error == SSL_ERROR_ZERO_RETURN;
        failed = failed || error == SSL_ERROR_SSL || error == SSL_ERROR_SYSCALL;
        return all;
      }
      all.append(part, static_cast<std::size_t>(size));
    }
  }
  SSL* ssl() { return ssl_.get(); }
  std::string server_name() {
    const X509* certificate = SSL_get0_peer_certificate(ssl_.get());
    char name[256] = "";
    if (certificate) X509_NAME_oneline(X509_get_subject_name(certificate), name, sizeof name);
    return name;
  }

  bool said_goodbye = false;
  bool failed = false;

 private:
  std::shared_ptr<SSL_CTX> context_;
  std::shared_ptr<SSL> ssl_;
};

}  // namespace mlops::testing
