#pragma once
// The two bits of text in gRPC's headers that need a codec. Pure functions.

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace mlops {

// "100m" (at most eight digits and a unit of H M S m u n); nullopt when malformed.
std::optional<Duration> parse_grpc_timeout(std::string_view text);

// grpc-message: printable ASCII as it is, everything else percent-encoded; cut at `bytes_max`.
std::string encode_grpc_message(std::string_view text, std::size_t bytes_max = 4096);

}  // namespace mlops
