#pragma once
// Whether a version's cache earns what it costs: hits times what a run takes, against the time of
// looking and keeping. Judged from what was measured, every so many misses of a thread; a cache
// that does not pay is left alone for a while and then tried again.
//
// Thread-safe: wanted() is called for every request and costs a load while the cache pays; judge()
// by whoever missed.

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>

namespace mlops {

// Sums since the version was loaded, but for run_ns, which is of one request.
struct CacheWork {
  std::uint64_t hits = 0;
  std::uint64_t hit_ns = 0;
  std::uint64_t misses = 0;
  std::uint64_t miss_ns = 0;
  std::uint64_t run_ns = 0;
};

class CacheWorth {
 public:
  static constexpr std::uint64_t kMissesBetween = 2048;  // judgements, of a thread
  static constexpr std::uint64_t kLeftOut = 65536;       // requests, before it is tried again

  // Whether a request is to be looked for.
  bool wanted() {
    if (left_out_.load(std::memory_order_relaxed) <= 0) [[likely]]
      return true;
    return left_out_.fetch_sub(1, std::memory_order_relaxed) <= 0;
  }

  // What changed, if this judgement led to another opinion: it pays (again), or it does not and is
  // off.
  struct Verdict {
    bool pays = true;
    double hit_ratio = 0;
  };
  std::optional<Verdict> judge(const CacheWork& now);

 private:
  std::atomic<std::int64_t> left_out_{0};
  std::mutex mutex_;
  CacheWork before_;  // guarded by mutex_, as is paid_
  bool paid_ = true;
};

}  // namespace mlops
