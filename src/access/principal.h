#pragma once
// Whoever a credential was proved to belong to. Immutable but for its bucket; shared by the
// connections that present the same token.

#include <memory>
#include <optional>
#include <string>

#include "access/rate_bucket.h"
#include "access/role.h"

namespace mlops {

struct Principal {
  std::string name;  // of the token, or the JWT's subject
  RoleSet roles;
  std::shared_ptr<RateBucket> bucket;  // never null
  std::optional<std::int64_t> expires_unix_s;
};

using PrincipalRef = std::shared_ptr<const Principal>;

}  // namespace mlops
