#pragma once
// Who a credential belongs to, by the files that the operator gave: hashed tokens, keys of JWTs.
// Thread-safe. Secrets are in no error text; tokens are not kept, only their digests.

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "access/call_rules.h"
#include "access/jwt.h"
#include "access/principal.h"
#include "access/subject_buckets.h"
#include "base/clock.h"
#include "base/status.h"

namespace mlops {

struct AccessOptions {
  std::string tokens_file;    // empty: none
  std::string jwt_keys_file;  // empty: none
  JwtRules jwt;
  // Calls that need no credential.
  bool health_is_open = true;
  bool metrics_are_open = false;

  bool on() const { return !tokens_file.empty() || !jwt_keys_file.empty(); }
};

using UnixClock = std::function<std::int64_t()>;
std::int64_t system_unix_s();

class Access {
 public:
  // Reads the files; blocks on disk.
  static Result<std::unique_ptr<Access>> open(const AccessOptions& options,
                                              UnixClock unix_now = system_unix_s);

  // Reads them again; when anything is wrong with them, nothing changes. Buckets of tokens that
  // stay as they were are kept.
  Status reload();
  // Changes with every reload: what was identified before must be identified again.
  std::uint64_t generation() const { return generation_.load(std::memory_order_acquire); }
  std::int64_t unix_now() const { return unix_now_(); }

  struct Identity {
    PrincipalRef principal;        // null: not to be believed
    std::string why;               // then
    std::uint64_t generation = 0;  // of the files that said so
  };
  // `authorization` is the header's whole value. Costs a digest, or a signature.
  Identity identify(std::string_view authorization, TimePoint now);

  bool open_to_all(ServerCall call) const {
    return (call == ServerCall::health && options_.health_is_open) ||
           (call == ServerCall::metrics && options_.metrics_are_open);
  }

 private:
  struct Loaded;
  Access(const AccessOptions& options, UnixClock unix_now);
  std::shared_ptr<const Loaded> loaded() const;

  const AccessOptions options_;
  const UnixClock unix_now_;
  SubjectBuckets subjects_;
  mutable std::mutex mutex_;
  std::shared_ptr<const Loaded> loaded_;  // guarded by mutex_
  std::atomic<std::uint64_t> generation_{0};
};

}  // namespace mlops
