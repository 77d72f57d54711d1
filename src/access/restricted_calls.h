#pragma once
// Calls that ask for a header that the operator chose, as Triton's --http-restricted-api and
// --grpc-restricted-protocol have it: groups of calls, each with a key and its value. Fixed after
// the start. A value is a secret: it is compared in constant time and shown nowhere.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "access/call_rules.h"
#include "base/status.h"

namespace mlops {

class RestrictedCalls {
 public:
  // Bit i: the key of group i was shown, with its value.
  using Shown = std::uint16_t;
  static constexpr std::size_t kGroupsMax = 16;

  // "health,metadata:key=value". A call may be in one group only.
  Status add(std::string_view group);

  bool any() const { return !groups_.empty(); }
  // What a header of the request shows; gRPC gives the name without its prefix. Names are compared
  // without regard to case.
  Shown shown_by(std::string_view name, std::string_view value) const;
  // Null: it may be made. Otherwise the key that it needs.
  const std::string* missing_key(ServerCall call, Shown shown) const;

  // "health,metadata:key", for --check.
  std::vector<std::string> describe() const;

 private:
  struct Group {
    std::vector<std::string_view> names;
    std::string key;
    std::string value;
  };
  std::vector<Group> groups_;
};

}  // namespace mlops
