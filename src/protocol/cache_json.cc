#include "protocol/cache_json.h"

#include "protocol/json_writer.h"

namespace mlops {
namespace {

void write(JsonWriter& json, std::string_view key, std::uint64_t value) {
  json.key(key).integer(static_cast<std::int64_t>(value));
}

void write(JsonWriter& json, const CacheStats& cache) {
  json.key("cache").object();
  write(json, "entries", cache.entries);
  write(json, "bytes_used", cache.bytes_used);
  write(json, "bytes_max", cache.bytes_max);
  write(json, "footprint", cache.footprint);
  write(json, "insertions", cache.insertions);
  write(json, "evictions", cache.evictions);
  write(json, "too_large", cache.too_large);
  json.end_object();
}

void write(JsonWriter& json, const ModelStats& model) {
  json.object().key("name").string(model.name).key("version").string(std::to_string(model.version));
  write(json, "hits", model.cache_hit.count);
  write(json, "hit_ns", model.cache_hit.ns);
  write(json, "shared", model.cache_shared);
  write(json, "misses", model.cache_miss.count);
  write(json, "miss_ns", model.cache_miss.ns);
  write(json, "partial", model.cache_partial);
  write(json, "row_hits", model.cache_rows.found);
  write(json, "row_misses", model.cache_rows.missed);
  json.end_object();
}

}  // namespace

std::string cache_json(const EngineStats& stats) {
  JsonWriter json;
  json.object();
  if (stats.cache) write(json, *stats.cache);
  json.key("versions").array();
  for (const ModelStats& model : stats.models) {
    if (model.cached) write(json, model);
  }
  json.end_array().end_object();
  return json.take();
}

}  // namespace mlops
