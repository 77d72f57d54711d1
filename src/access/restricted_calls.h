#pragma once
// Calls that ask for a header that the operator chose, as Triton's --http-restricted-api and
// --grpc-restricted-protocol have it: groups of calls, each with a key and its value. A value is a
// secret: it is compared in constant time and shown nowhere.

#include <atomic>
#include <cstdint>
#include <memory>
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

  bool operator==(const RestrictedCalls&) const = default;

 private:
  struct Group {
    std::vector<std::string_view> names;
    std::string key;
    std::string value;
    bool operator==(const Group&) const = default;
  };
  std::vector<Group> groups_;
};

// The keys that one request shows, as they are restricted at that time.
struct ShownKeys {
  const RestrictedCalls* of = nullptr;  // null: nothing is
  RestrictedCalls::Shown shown = 0;

  void show(std::string_view name, std::string_view value) { shown |= of->shown_by(name, value); }
};

// What is restricted now. Calls are judged on any thread while one replaces it; what was in force
// stays in memory, for somebody may be reading it.
class RestrictionsInForce {
 public:
  // Null: nothing is restricted.
  const RestrictedCalls* now() const { return now_.load(std::memory_order_acquire); }
  void replace(const RestrictedCalls& calls);

 private:
  std::atomic<const RestrictedCalls*> now_{nullptr};
  std::vector<std::unique_ptr<const RestrictedCalls>> known_;
};

}  // namespace mlops
