// Answers that are kept: Triton's flags, of which the older one is the shorter.

#include "cache/prediction_cache.h"
#include "config.h"
#include "config_flag.h"

namespace mlops {
namespace {

Status set_bytes(ServerConfig& config, std::string_view value) {
  std::uint64_t bytes = 0;
  Status status = set_number(bytes, value, std::uint64_t{0}, std::uint64_t{1} << 44U);
  if (status.ok() && bytes > 0 && bytes < PredictionCache::kBytesMin) {
    status = not_a(value, "0 or at least " + std::to_string(PredictionCache::kBytesMin) +
                              " bytes: less holds no answers worth a look");
  }
  if (status.ok()) config.operations.response_cache_bytes = bytes;
  return status;
}

// CACHE,KEY=VALUE. Triton has two caches; the one in other processes is not here.
Status set_cache_config(ServerConfig& config, std::string_view value) {
  const std::size_t comma = value.find(',');
  const std::string_view name = value.substr(0, comma);
  if (name != "local") return not_a(name, "a cache; there is 'local'");
  const std::string_view setting =
      comma == std::string_view::npos ? std::string_view() : value.substr(comma + 1);
  constexpr std::string_view kSize = "size=";
  if (!setting.starts_with(kSize)) return not_a(setting, "size=BYTES");
  return set_bytes(config, setting.substr(kSize.size()));
}

constexpr Flag kCacheFlags[] = {
    {"--response-cache-byte-size", "BYTES",
     "of answers that are kept for models with `response_cache { enable: true }`, with their index "
     "(default 0: none are)",
     set_bytes},
    {"--cache-config", "local,size=BYTES", "the same as --response-cache-byte-size",
     set_cache_config},
};

}  // namespace

std::span<const Flag> cache_flags() { return kCacheFlags; }

}  // namespace mlops
