#pragma once
// The file `reference.profile`, and what replicas exchange: a reference, and counts made against
// it.
//
// Little-endian. "MLOPSPRF", u32 version, u32 streams, the streams, of version 2 the segmentations,
// u8 whether counts follow, the counts, u64 stable_hash of all before it. Version 1 is written
// where there are no segmentations. Numbers are fixed unless said to be a varint (LEB128). A text
// is a varint length and its bytes.
//
// A stream: u8 role, u8 kind, varint column, text tensor, text label, varint bins, then
//   numeric: f32 min, max, median, (bins - 1) x f32 edges, 256 x f32 quantiles;
//   categorical: u8 of_strings, bins x (f64 or text), u8 all_rare_known, varint how many, u64 each;
// then its counts: (bins + 7) x varint; if numeric varint n, f64 sum, sum2, f32 min, max.
//
// Segmentations: varint how many, for each varint stream, varint categories, varint edges and f32
// each; then of each of their segments the counts of each stream, which add up to the stream's.
//
// A numeric stream of 32 bins takes about 1,3 KiB, most of it quantiles; its counts alone 160
// bytes, and as much for each segment. Later versions read all earlier ones: tests keep a file of
// each.

#include <string>
#include <string_view>

#include "observe/reference.h"

namespace mlops {

inline constexpr std::uint32_t kProfileVersion = 2;
inline constexpr std::size_t kStreamsMax = std::size_t{1} << 16;
inline constexpr std::size_t kTextMax = 1024;  // of a name or a category, in bytes
inline constexpr std::uint64_t kMassMax = std::uint64_t{1} << 53;  // exact as a double

struct Profile {
  ReferencePtr reference;
  CountsTable counts;  // of rows seen since; empty: only the reference
};

std::string profile_bytes(const Profile& profile);
// Of the reference alone; what its id is the digest of.
std::string reference_bytes(const Reference& reference);

// Refuses everything that profile_bytes() would not have written: what it returns can be counted
// against without a further check.
Result<Profile> read_profile(std::string_view bytes);

}  // namespace mlops
