// Any bytes as sketches. Those that it takes are written again as they were, answer, and merge with
// themselves. The checksum at the end is made right, or nothing behind it would be reached.

#include <cmath>
#include <cstdlib>
#include <string>

#include "observe/stable_hash.h"
#include "observe/stream_sketches.h"

namespace {

std::string with_checksum(std::string body) {
  const std::uint64_t hash = mlops::stable_hash(body);
  for (int i = 0; i < 8; ++i) body += static_cast<char>((hash >> (8 * i)) & 0xFF);
  return body;
}

void use(mlops::StreamSketch stream) {
  const std::uint64_t rows = stream.rows;
  if (!(stream.distinct.estimate() >= 0)) std::abort();
  const bool any = stream.quantiles.rows() > 0;
  if (any && !(stream.quantiles.min() <= stream.quantiles.quantile(0.5))) std::abort();
  if (any && !(stream.quantiles.rank(stream.quantiles.quantile(0.5)) > 0)) std::abort();
  std::uint64_t named = 0;
  for (const auto& value : stream.new_categories.values()) named += value.least;
  if (named > rows) std::abort();
  stream.quantiles.add(1);
  stream.new_categories.add("one more");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace mlops;
  const std::string body(reinterpret_cast<const char*>(data), size);
  (void)read_sketches(body);
  const std::string bytes = with_checksum(body);
  Result<StreamSketches> read = read_sketches(bytes);
  if (!read.ok()) {
    if (read.status().message().empty()) std::abort();
    return 0;
  }
  if (sketch_bytes(*read) != bytes) std::abort();
  if (read->streams.size() > 64) return 0;
  for (const StreamSketch& stream : read->streams) use(stream);
  const StreamSketches same = *read;
  if (!read->merge(same).ok()) std::abort();
  for (std::size_t i = 0; i < same.streams.size(); ++i) {
    const StreamSketch& twice = read->streams[i];
    if (twice.rows != 2 * same.streams[i].rows) std::abort();
    if (twice.distinct != same.streams[i].distinct) std::abort();
  }
  return 0;
}
