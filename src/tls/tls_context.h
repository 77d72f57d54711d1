#pragma once
// An OpenSSL context out of an operator's files. Blocks on disk.

#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "tls/tls_port.h"

namespace mlops {

struct TlsContext {
  std::shared_ptr<SSL_CTX> context;
  std::vector<std::string> warnings;
};

Result<TlsContext> make_tls_context(const TlsOptions& options);

}  // namespace mlops
