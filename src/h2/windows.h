#pragma once
// What our side of a connection announces.

#include <cstdint>

namespace mlops {

// Windows large enough that one stream fills a fast link without waiting for updates. They bound
// what may be under way, not memory: data is consumed as it arrives, and bounded by whoever does.
inline constexpr std::int64_t kOurStreamWindow = std::int64_t{4} << 20;
inline constexpr std::int64_t kOurConnectionWindow = std::int64_t{16} << 20;
inline constexpr std::uint32_t kOurFrameBytes = std::uint32_t{1} << 20;

}  // namespace mlops
