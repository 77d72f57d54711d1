#pragma once
// The keys that JSON Web Tokens may be signed with. A key serves one algorithm, which is the key's
// and not the token's to say: a public key is never taken for a shared secret. Pure.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

struct evp_pkey_st;

namespace mlops {

enum class JwtAlgorithm : std::uint8_t { hs256, rs256, es256 };

struct JwtKey {
  JwtAlgorithm algorithm = JwtAlgorithm::hs256;
  std::string id;                           // "kid"; empty: not said
  std::string secret;                       // hs256
  std::shared_ptr<evp_pkey_st> public_key;  // the others
};

// JWKS (a JSON object with "keys": RSA, P-256 and, of at least 32 bytes, oct) or PEM (public keys
// or certificates, one after another). Error texts quote nothing of it.
Result<std::vector<JwtKey>> parse_jwt_keys(std::string_view text);

// True when `signature` is the key's over `signed_text`.
bool verify_jwt_signature(const JwtKey& key, std::string_view signed_text,
                          std::string_view signature);

// Without padding, nothing but the alphabet, no stray bits. False: not that.
bool decode_base64url(std::string_view text, std::string& out);

}  // namespace mlops
