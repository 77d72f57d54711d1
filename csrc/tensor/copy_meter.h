#pragma once
// Every host copy of tensor bytes is counted by the place that makes it, so that "one copy per
// request" is something a test asserts and an operator sees, not something we hope.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/sharded_counter.h"

namespace mlops {

enum class CopySite : std::uint8_t {
  gather,          // request rows into a batch slab
  small_output,    // small outputs out of a slab, so that a slow reader cannot hold it
  string_input,    // byte strings into the back end's own string objects
  string_output,   // and out of them
  json_parse,      // JSON numbers into a dense tensor
  grpc_contents,   // gRPC typed contents into a dense tensor
  http_body,       // a body that arrived in pieces, assembled
  python_compact,  // a non-contiguous array made dense
  python_strings,  // text of Python objects into one buffer
  shared_memory,   // tensors out of and into regions that clients share
  cache_put,       // answers into the prediction cache
  cache_hit,       // and out of it
  cache_rows,      // rows that were not found into a request of their own, and answers out of rows
  shadow,          // inputs that a caller may write, kept for a shadow
};
inline constexpr std::size_t kCopySites = 14;

std::string_view copy_site_name(CopySite site);

class CopyMeter {
 public:
  void add(CopySite site, std::size_t bytes) {
    counters_[static_cast<std::size_t>(site)].add(bytes);
  }
  std::uint64_t total(CopySite site) const {
    return counters_[static_cast<std::size_t>(site)].total();
  }

 private:
  std::array<ShardedCounter, kCopySites> counters_;
};

}  // namespace mlops
