#include "access/gate.h"

#include <array>

#include "access/token_digest.h"

namespace mlops {
namespace {

struct Mapping {
  int http;
  int grpc;
};

constexpr std::array<Mapping, 6> kStatuses = {{
    {200, 0},   // granted
    {401, 16},  // unauthenticated
    {403, 7},   // forbidden
    {403, 7},   // elsewhere
    {429, 8},   // limited
    {403, 14},  // restricted: Triton says UNAVAILABLE
}};

}  // namespace

int Judgement::http_status() const { return kStatuses[static_cast<std::size_t>(verdict)].http; }
int Judgement::grpc_status() const { return kStatuses[static_cast<std::size_t>(verdict)].grpc; }

std::string_view bearer_challenge(bool token_was_presented) {
  return token_was_presented ? R"(Bearer realm="mlops", error="invalid_token")"
                             : R"(Bearer realm="mlops")";
}

bool Credentials::is_current() const {
  return principal_ && generation_ == access_->generation() &&
         (!principal_->expires_unix_s || access_->unix_now() < *principal_->expires_unix_s);
}

PrincipalRef Credentials::identify(std::string_view authorization, TimePoint now,
                                   std::string& why) {
  if (authorization.empty()) {
    why = "this call needs a token";
    return nullptr;
  }
  if (is_current() && equal_in_constant_time(authorization, last_)) return principal_;
  Access::Identity identity = access_->identify(authorization, now);
  principal_ = identity.principal;
  generation_ = identity.generation;
  wipe(last_);
  if (principal_) last_ = authorization;
  why = std::move(identity.why);
  return principal_;
}

Judgement Gate::admit(ServerCall call, const PrincipalRef& principal, const std::string& why,
                      const ShownKeys& keys) const {
  if (!serves(surface_, call)) {
    const char* where = surface_ == Surface::administration
                            ? "this call is not served on the admin port"
                            : "this call is served on the admin port alone";
    return {Verdict::elsewhere, where, 0};
  }
  const std::string* key = keys.of ? keys.of->missing_key(call, keys.shown) : nullptr;
  if (key) return {Verdict::restricted, std::string(expecting_) + *key + "'", 0};
  if (!access_ || access_->open_to_all(call)) return {};
  if (!principal) return {Verdict::unauthenticated, why, 0};
  if (!principal->roles.meets(rule_of(call).roles)) {
    return {Verdict::forbidden,
            "this call needs one of the roles " + to_string(rule_of(call).roles), 0};
  }
  return {};
}

Judgement Gate::count(const PrincipalRef& principal, TimePoint now) {
  if (!principal) return {};
  const Duration wait = principal->bucket->take(now);
  if (wait == Duration::zero()) return {};
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(wait).count();
  return {Verdict::limited, "the token's rate limit is reached; retry later",
          static_cast<unsigned>(std::min<std::int64_t>(seconds, 86'400))};
}

}  // namespace mlops
