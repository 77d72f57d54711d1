#pragma once
// What stands before every call: is it served on this port, who asks, may they, and as often as
// this. The transports ask; the mapping of verdicts to their statuses is here, for both alike.

#include <string>
#include <string_view>

#include "access/access.h"
#include "access/restricted_calls.h"
#include "access/token_digest.h"

namespace mlops {

// The credential that one connection presents again and again: identified once, until it changes,
// expires, or the files do. Belongs to its loop's thread.
class Credentials {
 public:
  explicit Credentials(Access* access) : access_(access) {}
  ~Credentials() { wipe(last_); }
  Credentials(const Credentials&) = delete;
  Credentials& operator=(const Credentials&) = delete;

  // Null: `why` says why. `authorization` is the header's value; empty: there was none.
  PrincipalRef identify(std::string_view authorization, TimePoint now, std::string& why);
  // Whoever was identified last is still who they were, and paid for another call. False: ask
  // again.
  bool spend(TimePoint now) const {
    return is_current() && principal_->bucket->take(now) == Duration::zero();
  }

 private:
  bool is_current() const;

  Access* access_;
  std::string last_;  // the header that principal_ came with
  PrincipalRef principal_;
  std::uint64_t generation_ = 0;
};

enum class Verdict : std::uint8_t {
  granted,
  unauthenticated,
  forbidden,
  elsewhere,
  limited,
  restricted
};

struct Judgement {
  Verdict verdict = Verdict::granted;
  std::string text;            // for the client
  unsigned retry_after_s = 0;  // limited

  bool granted() const { return verdict == Verdict::granted; }
  int http_status() const;
  int grpc_status() const;
};

// For HTTP's 401.
std::string_view bearer_challenge(bool token_was_presented);

class Gate {
 public:
  // Null `access`: everybody may do what the surface serves.
  Gate(Access* access, Surface surface) : access_(access), surface_(surface) {}

  Access* access() const { return access_; }
  // False when every call is granted.
  bool closed() const {
    return access_ != nullptr || surface_ != Surface::everything || restricted() != nullptr;
  }

  // `restrictions` outlives the gate. `expecting` begins what is said to who has not shown the key.
  void restrict_calls(const RestrictionsInForce& restrictions, std::string_view expecting) {
    restrictions_ = &restrictions;
    expecting_ = expecting;
  }
  // Null: no call is.
  const RestrictedCalls* restricted() const {
    return restrictions_ ? restrictions_->now() : nullptr;
  }
  // For the headers of one request.
  ShownKeys keys() const { return {restricted(), 0}; }

  // Whether this call may be made at all; takes nothing from the rate.
  Judgement admit(ServerCall call, const PrincipalRef& principal, const std::string& why,
                  const ShownKeys& keys = {}) const;
  // Whether it takes from the caller's rate: what is open to all does not.
  bool counts(ServerCall call) const { return access_ && !access_->open_to_all(call); }
  // Takes one from it.
  static Judgement count(const PrincipalRef& principal, TimePoint now);

 private:
  Access* access_;
  Surface surface_;
  const RestrictionsInForce* restrictions_ = nullptr;  // null: no call ever is
  std::string_view expecting_;
};

}  // namespace mlops
