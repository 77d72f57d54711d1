// mlops-cache: the prediction cache by itself. Prints one JSON object: what a hit of a request with
// 64 floats costs and its parts, what a put costs, how many gets threads make per second of
// processor time under Zipf 0.99, and hit ratios beside those of LRU and SIEVE.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "cache/prediction_cache.h"
#include "micro/cache_policies.h"

namespace mlops::micro {
namespace {

constexpr int kRounds = 201;
constexpr std::size_t kFloats = 64;
constexpr std::size_t kRequests = 1024;  // that are asked for in turn
constexpr std::size_t kValueBytes = 64;
constexpr std::size_t kKeys = 200'000;

double seconds_of(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

// The median round, in nanoseconds per call.
template <class Call>
double median_ns(std::size_t calls, Call call) {
  std::vector<double> rounds;
  for (int round = 0; round < kRounds; ++round) {
    const double start = seconds_of(CLOCK_MONOTONIC);
    for (std::size_t i = 0; i < calls; ++i) call(i);
    rounds.push_back((seconds_of(CLOCK_MONOTONIC) - start) * 1e9 / static_cast<double>(calls));
  }
  std::ranges::nth_element(rounds, rounds.begin() + kRounds / 2);
  return rounds[kRounds / 2];
}

std::vector<Request> float_requests() {
  std::vector<Request> requests(kRequests);
  for (std::size_t i = 0; i < kRequests; ++i) {
    const Buffer memory = allocate_buffer(kFloats * sizeof(float));
    for (std::size_t j = 0; j < kFloats; ++j) {
      const auto value = static_cast<float>(i * kFloats + j);
      std::memcpy(memory->data() + j * sizeof value, &value, sizeof value);
    }
    requests[i].model = "model";
    requests[i].inputs.push_back(
        {"input", {DType::f32, Shape{1, kFloats}, {memory->data(), memory->size()}, memory}});
  }
  return requests;
}

using Value = std::array<std::byte, kValueBytes>;

bool get(PredictionCache& cache, const CacheKey& key, TimePoint now, Value& to) {
  auto room = [&](std::size_t size) { return size <= to.size() ? to.data() : nullptr; };
  return cache.find(key, now, {}, MakeRoom(room));
}

void put(PredictionCache& cache, const CacheKey& key, TimePoint now, const Value& value) {
  const std::span<const std::byte> piece = value;
  cache.put(key, now, kNever, {}, {&piece, 1});
}

struct HitCost {
  double key_ns, find_ns, hit_ns, put_ns;
  bool all_found;
};

HitCost hit_cost(PredictionCache& cache) {
  const std::vector<Request> requests = float_requests();
  const KeyMaker maker;
  const CacheKey scope = maker.scope({"model", 1, "digest", 0});
  const TimePoint now = SteadyClock().now();
  std::vector<CacheKey> keys;
  Value value{};
  for (const Request& request : requests) {
    keys.push_back(maker.key(scope, request));
    put(cache, keys.back(), now, value);
  }
  HitCost cost{};
  std::uint64_t sum = 0;
  std::size_t found = 0;
  cost.key_ns =
      median_ns(kRequests, [&](std::size_t i) { sum += maker.key(scope, requests[i]).low; });
  cost.find_ns =
      median_ns(kRequests, [&](std::size_t i) { found += get(cache, keys[i], now, value); });
  cost.hit_ns = median_ns(kRequests, [&](std::size_t i) {
    found += get(cache, maker.key(scope, requests[i]), now, value);
  });
  cost.put_ns = median_ns(kRequests, [&](std::size_t i) { put(cache, keys[i], now, value); });
  cost.all_found = found == 2 * kRounds * kRequests && sum != 0;
  return cost;
}

struct Rate {
  double per_core, total, hit_ratio;
};

// Every thread asks for its own sequence of keys; what is missed is put.
Rate get_rate(PredictionCache& cache, unsigned threads, double seconds) {
  struct Done {
    double gets = 0, hits = 0, processor_s = 0;
  };
  std::vector<CacheKey> keys;
  const KeyMaker maker;
  for (std::size_t i = 0; i < kKeys; ++i) {
    keys.push_back(maker.scope({"key", static_cast<std::int64_t>(i), "", 0}));
  }
  std::vector<Done> done(threads);
  const TimePoint now = SteadyClock().now();
  const double start = seconds_of(CLOCK_MONOTONIC);
  std::vector<std::jthread> running;
  for (unsigned t = 0; t < threads; ++t) {
    running.emplace_back([&, t] {
      ZipfKeys zipf(kKeys, 0.99, t);
      std::vector<std::uint32_t> sequence(1 << 18);
      for (auto& key : sequence) key = static_cast<std::uint32_t>(zipf.next());
      Value value{};
      const double processor = seconds_of(CLOCK_THREAD_CPUTIME_ID);
      while (seconds_of(CLOCK_MONOTONIC) - start < seconds) {
        for (const std::uint32_t key : sequence) {
          const bool hit = get(cache, keys[key], now, value);
          if (!hit) put(cache, keys[key], now, value);
          done[t].hits += hit ? 1 : 0;
        }
        done[t].gets += static_cast<double>(sequence.size());
      }
      done[t].processor_s = seconds_of(CLOCK_THREAD_CPUTIME_ID) - processor;
    });
  }
  running.clear();
  Done all;
  for (const Done& one : done) {
    all.gets += one.gets;
    all.hits += one.hits;
    all.processor_s += one.processor_s;
  }
  return {all.gets / all.processor_s, all.gets / seconds, all.hits / all.gets};
}

void print_ratios() {
  bool first = true;
  for (const Trace& trace : cache_traces(kKeys, 1'000'000)) {
    const auto made = PredictionCache::create(std::size_t{1536} * 1024);
    if (!made.ok()) return;
    const std::unique_ptr<PredictionCache>& cache = *made;
    LruPolicy lru(cache->chunks());
    SievePolicy sieve(cache->chunks());
    const KeyMaker maker(1);
    Value value{};
    const double ours = hit_ratio(trace, [&](std::uint64_t number) {
      const CacheKey key = maker.scope({"key", static_cast<std::int64_t>(number), "", 0});
      const bool hit = get(*cache, key, TimePoint(), value);
      if (!hit) put(*cache, key, TimePoint(), value);
      return hit;
    });
    std::printf("%s\"%s\":{\"room\":%u,\"ours\":%.4f,\"sieve\":%.4f,\"lru\":%.4f}",
                first ? "" : ",", trace.name, cache->chunks(), ours,
                hit_ratio(trace, [&](std::uint64_t key) { return sieve.access(key); }),
                hit_ratio(trace, [&](std::uint64_t key) { return lru.access(key); }));
    first = false;
  }
}

int run(unsigned threads, double seconds) {
  const auto cache = PredictionCache::create(std::size_t{64} << 20);
  if (!cache.ok()) {
    std::fprintf(stderr, "mlops-cache: %s\n", cache.status().to_string().c_str());
    return 1;
  }
  const HitCost cost = hit_cost(**cache);
  if (!cost.all_found) {
    std::fprintf(stderr, "mlops-cache: a value that was put was not found\n");
    return 1;
  }
  std::printf(
      "{\"schema\":\"mlops-cache/1\",\"floats\":%zu,\"value_bytes\":%zu,\"key_ns\":%.1f,"
      "\"find_ns\":%.1f,\"hit_ns\":%.1f,\"put_ns\":%.1f",
      kFloats, kValueBytes, cost.key_ns, cost.find_ns, cost.hit_ns, cost.put_ns);
  std::printf(",\"zipf_gets\":[");
  for (const unsigned count : {1U, threads}) {
    const Rate rate = get_rate(**cache, count, seconds);
    std::printf("%s{\"threads\":%u,\"per_core_s\":%.0f,\"total_s\":%.0f,\"hit_ratio\":%.4f}",
                count == 1 ? "" : ",", count, rate.per_core, rate.total, rate.hit_ratio);
    if (threads == 1) break;
  }
  std::printf("],\"hit_ratios\":{");
  print_ratios();
  std::printf("}}\n");
  return 0;
}

}  // namespace
}  // namespace mlops::micro

int main(int argc, char** argv) {
  const int threads = argc > 1 ? std::atoi(argv[1]) : 8;
  const double seconds = argc > 2 ? std::atof(argv[2]) : 2;
  if (threads < 1 || threads > 1024 || !(seconds > 0)) {
    std::fprintf(stderr, "usage: mlops-cache [THREADS [SECONDS]]\n");
    return 2;
  }
  return mlops::micro::run(static_cast<unsigned>(threads), seconds);
}
