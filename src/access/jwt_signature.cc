#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "access/jwt_keys.h"
#include "access/token_digest.h"

namespace mlops {
namespace {

constexpr std::size_t kP256SignatureBytes = 64;

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

bool verify_hmac(const std::string& secret, std::string_view text, std::string_view signature) {
  TokenDigest expected{};
  if (signature.size() != expected.size()) return false;
  if (!HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()), bytes_of(text),
            text.size(), expected.data(), nullptr)) {
    return false;
  }
  return equal_in_constant_time({reinterpret_cast<const char*>(expected.data()), expected.size()},
                                signature);
}

bool verify_digest(EVP_PKEY* key, std::string_view text, std::string_view signature) {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  const bool good = context &&
                    EVP_DigestVerifyInit(context, nullptr, EVP_sha256(), nullptr, key) == 1 &&
                    EVP_DigestVerify(context, bytes_of(signature), signature.size(), bytes_of(text),
                                     text.size()) == 1;
  EVP_MD_CTX_free(context);
  ERR_clear_error();
  return good;
}

// JOSE writes two numbers side by side where OpenSSL wants them in DER.
std::string der_signature(std::string_view pair) {
  ECDSA_SIG* signature = ECDSA_SIG_new();
  const int half = static_cast<int>(pair.size() / 2);
  BIGNUM* r = BN_bin2bn(bytes_of(pair), half, nullptr);
  BIGNUM* s = BN_bin2bn(bytes_of(pair) + half, half, nullptr);
  std::string der;
  if (signature && r && s && ECDSA_SIG_set0(signature, r, s) == 1) {
    r = s = nullptr;
    unsigned char* bytes = nullptr;
    const int size = i2d_ECDSA_SIG(signature, &bytes);
    if (size > 0) der.assign(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
    OPENSSL_free(bytes);
  }
  BN_free(r);
  BN_free(s);
  ECDSA_SIG_free(signature);
  return der;
}

}  // namespace

bool verify_jwt_signature(const JwtKey& key, std::string_view signed_text,
                          std::string_view signature) {
  switch (key.algorithm) {
    case JwtAlgorithm::hs256:
      return verify_hmac(key.secret, signed_text, signature);
    case JwtAlgorithm::rs256:
      return verify_digest(key.public_key.get(), signed_text, signature);
    case JwtAlgorithm::es256:
      break;
  }
  return signature.size() == kP256SignatureBytes &&
         verify_digest(key.public_key.get(), signed_text, der_signature(signature));
}

}  // namespace mlops
