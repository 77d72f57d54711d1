#include <gtest/gtest.h>

#include "micro/cache_policies.h"
#include "support/cached_text.h"

namespace mlops {
namespace {

using micro::hit_ratio;
using micro::LruPolicy;
using micro::SievePolicy;
using micro::Trace;
using testing::CachedText;

// One value is one chunk, so all of them have room for as many keys.
TEST(HitRatio, IsAtLeastThatOfSieveAndOfLru) {
  for (const Trace& trace : micro::cache_traces(10'000, 60'000)) {
    CachedText cache(PredictionCache::kBytesMin);
    const std::size_t room = cache.cache().chunks();
    LruPolicy lru(room);
    SievePolicy sieve(room);
    const double ours = hit_ratio(trace, [&](std::uint64_t key) {
      const bool hit = cache.find(key).has_value();
      if (!hit) cache.put(key, "answer");
      return hit;
    });
    const double of_lru = hit_ratio(trace, [&](std::uint64_t key) { return lru.access(key); });
    const double of_sieve = hit_ratio(trace, [&](std::uint64_t key) { return sieve.access(key); });
    RecordProperty(trace.name, std::to_string(ours) + " lru " + std::to_string(of_lru) + " sieve " +
                                   std::to_string(of_sieve));
    EXPECT_GE(ours, of_lru) << trace.name;
    EXPECT_GE(ours, of_sieve) << trace.name;
  }
}

}  // namespace
}  // namespace mlops
