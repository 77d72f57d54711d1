#pragma once
// What an operator says about one port's TLS. docs/security.md explains each.

#include <string>

namespace mlops {

struct TlsFiles {
  bool on = false;
  bool mutual = false;      // clients need a certificate that `roots` vouches for
  std::string certificate;  // PEM, the server's first, then its issuers'
  std::string key;          // PEM, without a passphrase
  std::string roots;        // PEM, issuers of clients' certificates
};

}  // namespace mlops
