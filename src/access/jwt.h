#pragma once
// JSON Web Tokens: what a signed one says, and whether that is to be believed. Pure.

#include <string>
#include <string_view>
#include <vector>

#include "access/jwt_keys.h"
#include "access/role.h"
#include "base/status.h"

namespace mlops {

struct JwtRules {
  std::string issuer;    // "iss" must be this
  std::string audience;  // "aud" must be this, or have it among others
  std::string roles_claim = "roles";
  std::int64_t leeway_s = 30;  // how far clocks may differ
};

struct JwtClaims {
  std::string subject;
  RoleSet roles;  // of those that are known here
  std::int64_t expires_unix_s = 0;
};

inline constexpr std::size_t kJwtBytesMax = 8192;

// The error says what is wrong ("the token has expired") and quotes nothing of the token.
Result<JwtClaims> verify_jwt(std::string_view token, const std::vector<JwtKey>& keys,
                             const JwtRules& rules, std::int64_t now_unix_s);

// The second half of it: what the payload of a token whose signature is good says.
Result<JwtClaims> read_jwt_claims(std::string_view payload, const JwtRules& rules,
                                  std::int64_t now_unix_s);

}  // namespace mlops
