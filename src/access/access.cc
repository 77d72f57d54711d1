#include "access/access.h"

#include <algorithm>
#include <chrono>
#include <map>

#include "access/token_file.h"
#include "model/text_file.h"

namespace mlops {
namespace {

struct DigestOrder {
  // By a prefix: that it is found in more or less time says nothing that could be used, and what is
  // found is compared in constant time.
  bool operator()(const TokenDigest& a, const TokenDigest& b) const {
    return prefix(a) < prefix(b);
  }
  static std::uint64_t prefix(const TokenDigest& digest) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < 8; ++i) value = value << 8 | digest[i];
    return value;
  }
};

std::string_view bearer_of(std::string_view authorization) {
  constexpr std::string_view kScheme = "bearer ";
  if (authorization.size() <= kScheme.size()) return {};
  for (std::size_t i = 0; i < kScheme.size(); ++i) {
    const char c = authorization[i];
    if ((c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c) != kScheme[i]) return {};
  }
  authorization.remove_prefix(kScheme.size());
  const std::size_t first = authorization.find_first_not_of(' ');
  return first == authorization.npos ? std::string_view() : authorization.substr(first);
}

}  // namespace

struct Access::Loaded {
  std::multimap<TokenDigest, PrincipalRef, DigestOrder> tokens;
  TokenFile file;
  std::vector<JwtKey> keys;
  std::uint64_t generation = 0;

  PrincipalRef find(const TokenDigest& digest) const {
    const auto [first, last] = tokens.equal_range(digest);
    for (auto at = first; at != last; ++at) {
      if (equal_in_constant_time(at->first, digest)) return at->second;
    }
    return nullptr;
  }
};

std::int64_t system_unix_s() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

Access::Access(const AccessOptions& options, UnixClock unix_now)
    : options_(options), unix_now_(std::move(unix_now)) {}

Result<std::unique_ptr<Access>> Access::open(const AccessOptions& options, UnixClock unix_now) {
  std::unique_ptr<Access> access(new Access(options, std::move(unix_now)));
  if (Status status = access->reload(); !status.ok()) return status;
  return access;
}

Status Access::reload() {
  auto made = std::make_shared<Loaded>();
  const std::shared_ptr<const Loaded> before = loaded();
  if (!options_.tokens_file.empty()) {
    const Result<std::string> text = read_file(options_.tokens_file, kTokenFileBytesMax);
    if (!text.ok()) return Status(text.status().code(), "tokens: " + text.status().message());
    Result<TokenFile> file = parse_token_file(*text);
    if (!file.ok()) {
      return Status::invalid_argument(options_.tokens_file + ": " + file.status().message());
    }
    made->file = *std::move(file);
  }
  if (!options_.jwt_keys_file.empty()) {
    const Result<std::string> text = read_file(options_.jwt_keys_file, kTokenFileBytesMax);
    if (!text.ok()) return Status(text.status().code(), "JWT keys: " + text.status().message());
    Result<std::vector<JwtKey>> keys = parse_jwt_keys(*text);
    if (!keys.ok()) {
      return Status::invalid_argument(options_.jwt_keys_file + ": " + keys.status().message());
    }
    made->keys = *std::move(keys);
  }
  for (const TokenEntry& token : made->file.tokens) {
    const RateLimit limit = token.limit.value_or(made->file.limit_of(token.roles));
    const PrincipalRef old = before ? before->find(token.digest) : nullptr;
    auto bucket =
        old && old->bucket->limit() == limit ? old->bucket : std::make_shared<RateBucket>(limit);
    made->tokens.emplace(token.digest,
                         std::make_shared<const Principal>(Principal{
                             token.name, token.roles, std::move(bucket), token.expires_unix_s}));
  }
  const std::lock_guard lock(mutex_);
  made->generation = generation_.load(std::memory_order_relaxed) + 1;
  loaded_ = std::move(made);
  generation_.store(loaded_->generation, std::memory_order_release);
  return {};
}

std::shared_ptr<const Access::Loaded> Access::loaded() const {
  const std::lock_guard lock(mutex_);
  return loaded_;
}

Access::Identity Access::identify(std::string_view authorization, TimePoint now) {
  const std::shared_ptr<const Loaded> files = loaded();
  Identity identity{nullptr, "", files->generation};
  const std::string_view token = bearer_of(authorization);
  if (token.empty()) {
    identity.why = "the Authorization header is not 'Bearer' and a token";
    return identity;
  }
  if (token.size() <= kJwtBytesMax) identity.principal = files->find(digest_of(token));
  if (identity.principal) {
    const std::optional<std::int64_t> expires = identity.principal->expires_unix_s;
    if (!expires || unix_now() < *expires) return identity;
    identity.principal = nullptr;
    identity.why = "the token has expired";
    return identity;
  }
  if (files->keys.empty() || token.find('.') == token.npos) {
    identity.why = "the token is not known";
    return identity;
  }
  Result<JwtClaims> claims = verify_jwt(token, files->keys, options_.jwt, unix_now());
  if (!claims.ok()) {
    identity.why = claims.status().message();
    return identity;
  }
  std::shared_ptr<RateBucket> bucket =
      subjects_.bucket(claims->subject, files->file.limit_of(claims->roles), now);
  identity.principal = std::make_shared<const Principal>(
      Principal{claims->subject, claims->roles, std::move(bucket), claims->expires_unix_s});
  return identity;
}

}  // namespace mlops
