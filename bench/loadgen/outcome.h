// How one request ended, as the client saw it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace mlops::loadgen {

enum class Outcome : std::uint8_t {
  kOk,
  kBadStatus,  // a well-formed reply that is not a success: HTTP status != 200 or grpc-status != 0
  kMalformed,  // bytes that are not a reply of this protocol
  kWrongOutput,     // success, but not the bytes that --expect holds for this row
  kConnectionLost,  // closed or reset while the request was in flight
  kTimeout,
};
inline constexpr std::size_t kOutcomeCount = 6;

inline constexpr std::array<std::string_view, kOutcomeCount> kOutcomeNames = {
    "ok", "bad_status", "malformed", "wrong_output", "connection_lost", "timeout"};

}  // namespace mlops::loadgen
