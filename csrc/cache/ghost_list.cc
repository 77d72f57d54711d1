#include "cache/ghost_list.h"

#include <algorithm>
#include <functional>

namespace mlops {
namespace {

constexpr std::uint64_t kAges = 256;

std::size_t ghost_buckets(std::uint32_t keys) { return keys / 3 + 1; }

std::uint16_t print_of(std::uint64_t hash) {
  const auto print = static_cast<std::uint16_t>(hash);
  return print == 0 ? std::uint16_t{1} : print;
}

}  // namespace

GhostList::GhostList(std::uint32_t keys)
    : step_(std::max<std::uint64_t>(1, keys / kAges)),
      span_(static_cast<std::uint16_t>(std::max<std::uint64_t>(1, keys / step_))),
      buckets_(ghost_buckets(keys)) {}

GhostList::Bucket& GhostList::bucket_of(std::uint64_t hash) {
  return buckets_[static_cast<std::size_t>(((hash >> 32) * buckets_.size()) >> 32)];
}

void GhostList::add(std::uint64_t hash) {
  const std::uint16_t today = now();
  Bucket& bucket = bucket_of(hash);
  const auto age = [&](const Mark& mark) {
    return mark.print == 0 ? UINT16_MAX : static_cast<std::uint16_t>(today - mark.age);
  };
  *std::ranges::max_element(bucket, std::less<>(), age) = {print_of(hash), today};
  ++added_;
}

bool GhostList::take(std::uint64_t hash) {
  for (Mark& mark : bucket_of(hash)) {
    if (mark.print != print_of(hash)) continue;
    const bool recent = static_cast<std::uint16_t>(now() - mark.age) <= span_;
    mark.print = 0;
    return recent;
  }
  return false;
}

}  // namespace mlops
