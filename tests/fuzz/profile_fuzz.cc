// Any bytes as a reference.profile. Those that it takes are written again as they were, and count
// rows of all kinds. The checksum at the end is made right, or nothing behind it would be reached.

#include <cstdlib>
#include <limits>
#include <string>

#include "observe/profile_bytes.h"
#include "observe/row_counter.h"
#include "observe/segments.h"
#include "observe/stable_hash.h"

namespace {

std::string with_checksum(std::string body) {
  const std::uint64_t hash = mlops::stable_hash(body);
  for (int i = 0; i < 8; ++i) body += static_cast<char>((hash >> (8 * i)) & 0xFF);
  return body;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace mlops;
  const std::string body(reinterpret_cast<const char*>(data), size);
  (void)read_profile(body);
  const std::string bytes = with_checksum(body);
  const Result<Profile> profile = read_profile(bytes);
  if (!profile.ok()) {
    if (profile.status().message().empty()) std::abort();
    return 0;
  }
  if (profile_bytes(*profile) != bytes) std::abort();
  if (profile->reference->streams.size() > 64) return 0;
  RowCounter counter(profile->reference);
  SegmentCounter segments(profile->reference);
  const float values[] = {0, -1e30F, std::numeric_limits<float>::infinity(),
                          std::numeric_limits<float>::quiet_NaN()};
  for (const float value : values) {
    for (std::size_t i = 0; i < profile->reference->streams.size(); ++i) {
      const bool number =
          profile->reference->streams[i].counts.kind == StreamKind::numeric || value != value;
      counter.next_row()[i] = number ? value : 0;
    }
    segments.add(counter.next_row(), 1, counter.stride());
    counter.stage(1);
  }
  counter.fold();
  CountsTable table = profile->reference->empty_counts();
  counter.take(table);
  for (const StreamCounts& counts : table) {
    if (counts.rows() != 4) std::abort();
  }
  SegmentCounts apart = empty_segments(*profile->reference);
  segments.take(apart);
  std::uint64_t rows = 0;
  for (std::size_t i = 0; i < apart.size(); ++i) {
    if (segment_name(*profile->reference, i).empty()) std::abort();
    rows += apart[i].front().rows();
  }
  if (rows != 4 * profile->reference->segmentations.size()) std::abort();
  return 0;
}
