#pragma once
// The file of tokens: one a line, as words of key=value; '#' begins a comment.
//
//   token name=ana sha256=<64 hex digits> roles=predict,observe rate=100 burst=200
//   expires=1798761600 role name=predict rate=1000
//
// A token without a rate of its own has its roles' largest, or none when one of them has none.
// Pure. Error texts name the line and the key, and quote nothing that could be a secret.

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "access/rate_bucket.h"
#include "access/role.h"
#include "access/token_digest.h"
#include "base/status.h"

namespace mlops {

struct TokenEntry {
  std::string name;
  TokenDigest digest{};
  RoleSet roles;
  std::optional<RateLimit> limit;
  std::optional<std::int64_t> expires_unix_s;
};

struct TokenFile {
  std::vector<TokenEntry> tokens;
  std::array<RateLimit, kRoleCount> role_limits;

  RateLimit limit_of(RoleSet roles) const;
};

inline constexpr std::size_t kTokenFileBytesMax = std::size_t{4} << 20;
inline constexpr std::size_t kTokenNameMax = 128;

Result<TokenFile> parse_token_file(std::string_view text);

// Names in this file and of JWT subjects: printable, without spaces, not too long.
bool is_token_name(std::string_view name);

}  // namespace mlops
