#pragma once
// Signed tokens for tests, made of any header and payload, right or wrong.

#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <string>
#include <string_view>

#include "support/certificates.h"

namespace mlops::testing {

inline std::string base64url(std::string_view bytes) {
  constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string text;
  unsigned bits = 0;
  unsigned count = 0;
  for (const char c : bytes) {
    bits = bits << 8 | static_cast<unsigned char>(c);
    for (count += 8; count >= 6; count -= 6) text += kAlphabet[bits >> (count - 6) & 63];
  }
  if (count > 0) text += kAlphabet[bits << (6 - count) & 63];
  return text;
}

inline std::string hmac_of(std::string_view text, std::string_view secret) {
  std::string mac(32, '\0');
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(),
       reinterpret_cast<unsigned char*>(mac.data()), nullptr);
  return mac;
}

inline std::string signature_of(std::string_view text, const KeyRef& key) {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  EVP_DigestSignInit(context, nullptr, EVP_sha256(), nullptr, key.get());
  std::size_t size = 1024;
  std::string bytes(size, '\0');
  EVP_DigestSign(context, reinterpret_cast<unsigned char*>(bytes.data()), &size,
                 reinterpret_cast<const unsigned char*>(text.data()), text.size());
  EVP_MD_CTX_free(context);
  bytes.resize(size);
  if (EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_EC) return bytes;
  const auto* der = reinterpret_cast<const unsigned char*>(bytes.data());
  ECDSA_SIG* pair = d2i_ECDSA_SIG(nullptr, &der, static_cast<long>(bytes.size()));
  std::string raw(64, '\0');
  auto* out = reinterpret_cast<unsigned char*>(raw.data());
  BN_bn2binpad(ECDSA_SIG_get0_r(pair), out, 32);
  BN_bn2binpad(ECDSA_SIG_get0_s(pair), out + 32, 32);
  ECDSA_SIG_free(pair);
  return raw;
}

inline std::string unsigned_jwt(std::string_view header, std::string_view payload) {
  return base64url(header) + "." + base64url(payload);
}
inline std::string hs256_jwt(std::string_view payload, std::string_view secret,
                             std::string_view header = R"({"alg":"HS256","typ":"JWT"})") {
  const std::string text = unsigned_jwt(header, payload);
  return text + "." + base64url(hmac_of(text, secret));
}
inline std::string key_jwt(std::string_view payload, const KeyRef& key, std::string_view header) {
  const std::string text = unsigned_jwt(header, payload);
  return text + "." + base64url(signature_of(text, key));
}

}  // namespace mlops::testing
