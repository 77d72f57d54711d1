#pragma once
// Rate buckets of those who come with a JWT and are in no file: as many as are in use, up to a
// bound. A bucket that is full again is forgotten without loss. Thread-safe.

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "access/rate_bucket.h"

namespace mlops {

class SubjectBuckets {
 public:
  explicit SubjectBuckets(std::size_t buckets_max = 16384) : buckets_max_(buckets_max) {}

  // Beyond the bound strangers share one bucket of each limit.
  std::shared_ptr<RateBucket> bucket(const std::string& subject, const RateLimit& limit,
                                     TimePoint now);

 private:
  std::shared_ptr<RateBucket> find_locked(const std::string& subject, const RateLimit& limit);

  const std::size_t buckets_max_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<RateBucket>> buckets_;  // guarded by mutex_
  std::size_t sweep_at_ = 64;                                   // guarded by mutex_
};

}  // namespace mlops
