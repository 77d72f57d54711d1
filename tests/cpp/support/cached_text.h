#pragma once
// A prediction cache of texts, for tests: keys by number, values as they were put.

#include <array>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "cache/prediction_cache.h"

namespace mlops::testing {

inline std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

inline CacheKey numbered_key(std::uint64_t number) {
  const auto mix = [](std::uint64_t x) {  // splitmix64
    x += 0x9e3779b97f4a7c15ULL;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    return x ^ (x >> 31);
  };
  return {mix(number), mix(~number)};
}

class CachedText {
 public:
  explicit CachedText(std::size_t bytes) : cache_(*PredictionCache::create(bytes)) {}

  PredictionCache& cache() { return *cache_; }

  bool put(std::uint64_t number, std::string_view text, TimePoint now = kStart,
           TimePoint expires = kNever, std::string_view proof = {}) {
    const std::uint64_t size = text.size();
    const std::array<std::span<const std::byte>, 2> pieces = {std::as_bytes(std::span(&size, 1)),
                                                              bytes_of(text)};
    return cache_->put(numbered_key(number), now, expires, bytes_of(proof), pieces);
  }

  std::optional<std::string> find(std::uint64_t number, TimePoint now = kStart,
                                  std::string_view proof = {}) {
    std::string raw;
    auto room = [&](std::size_t size) {
      raw.resize(size);
      return reinterpret_cast<std::byte*>(raw.data());
    };
    if (!cache_->find(numbered_key(number), now, bytes_of(proof), MakeRoom(room))) {
      return std::nullopt;
    }
    std::uint64_t size = 0;
    std::memcpy(&size, raw.data(), sizeof size);
    return raw.substr(sizeof size, size);
  }

  static constexpr TimePoint kStart = TimePoint() + std::chrono::hours(1);

 private:
  std::unique_ptr<PredictionCache> cache_;
};

}  // namespace mlops::testing
