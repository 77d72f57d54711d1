#pragma once
// Keys and certificates for tests, made when they are needed: nothing secret lies in the tree.

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>

namespace mlops::testing {

using KeyRef = std::shared_ptr<EVP_PKEY>;
using CertificateRef = std::shared_ptr<X509>;

inline KeyRef make_ec_key() { return {EVP_EC_gen("P-256"), EVP_PKEY_free}; }
inline KeyRef make_rsa_key(unsigned bits = 2048) { return {EVP_RSA_gen(bits), EVP_PKEY_free}; }

struct CertificateFacts {
  std::string name = "localhost";
  long from_s = -3600;  // from now
  long until_s = 365 * 24 * 3600;
};

// Signed by `issuer`'s key, or by its own.
inline CertificateRef make_certificate(const KeyRef& key, const CertificateFacts& facts = {},
                                       X509* issuer = nullptr, EVP_PKEY* issuer_key = nullptr) {
  CertificateRef made(X509_new(), X509_free);
  X509* x = made.get();
  static long serial = 1;
  X509_set_version(x, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(x), serial++);
  X509_gmtime_adj(X509_getm_notBefore(x), facts.from_s);
  X509_gmtime_adj(X509_getm_notAfter(x), facts.until_s);
  X509_set_pubkey(x, key.get());
  X509_NAME* name = X509_get_subject_name(x);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(facts.name.c_str()), -1, -1, 0);
  X509_set_issuer_name(x, issuer ? X509_get_subject_name(issuer) : name);
  if (!issuer) {
    X509_EXTENSION* extension =
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_basic_constraints, "critical,CA:TRUE");
    X509_add_ext(x, extension, -1);
    X509_EXTENSION_free(extension);
  }
  X509_sign(x, issuer_key ? issuer_key : key.get(), EVP_sha256());
  return made;
}

template <class Write>
std::string pem_of(Write write) {
  BIO* out = BIO_new(BIO_s_mem());
  write(out);
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(out, &bytes);
  std::string text(bytes, static_cast<std::size_t>(size));
  BIO_free(out);
  return text;
}

inline std::string certificate_pem(const CertificateRef& certificate) {
  return pem_of([&](BIO* out) { PEM_write_bio_X509(out, certificate.get()); });
}
inline std::string key_pem(const KeyRef& key, const char* passphrase = nullptr) {
  return pem_of([&](BIO* out) {
    PEM_write_bio_PrivateKey(out, key.get(), passphrase ? EVP_aes_128_cbc() : nullptr, nullptr, 0,
                             nullptr, const_cast<char*>(passphrase));
  });
}
inline std::string public_key_pem(const KeyRef& key) {
  return pem_of([&](BIO* out) { PEM_write_bio_PUBKEY(out, key.get()); });
}

}  // namespace mlops::testing
