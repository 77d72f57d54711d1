#include "access/subject_buckets.h"

namespace mlops {

std::shared_ptr<RateBucket> SubjectBuckets::find_locked(const std::string& subject,
                                                        const RateLimit& limit) {
  std::shared_ptr<RateBucket>& bucket = buckets_[subject];
  if (!bucket || !(bucket->limit() == limit)) bucket = std::make_shared<RateBucket>(limit);
  return bucket;
}

std::shared_ptr<RateBucket> SubjectBuckets::bucket(const std::string& subject,
                                                   const RateLimit& limit, TimePoint now) {
  if (limit.none()) return std::make_shared<RateBucket>(limit);
  const std::lock_guard lock(mutex_);
  if (buckets_.size() >= sweep_at_) {
    std::erase_if(buckets_, [now](const auto& entry) {
      return entry.second.use_count() == 1 && entry.second->full(now);
    });
    sweep_at_ = std::min(buckets_max_, std::max<std::size_t>(64, 2 * buckets_.size()));
  }
  const bool room = buckets_.size() < buckets_max_ || buckets_.contains(subject);
  // No subject is empty.
  return find_locked(room ? subject : std::string(), limit);
}

}  // namespace mlops
