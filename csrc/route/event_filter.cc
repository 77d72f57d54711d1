#include "route/event_filter.h"

#include <algorithm>

namespace mlops {
namespace {

// Units are hashes already; kinds must not shift them onto each other.
std::uint64_t mixed(std::uint64_t unit, std::uint32_t kind) {
  std::uint64_t key = unit ^ (std::uint64_t{kind} + 1) * 0x9e3779b97f4a7c15U;
  key = (key ^ (key >> 30)) * 0xbf58476d1ce4e5b9U;
  key = (key ^ (key >> 27)) * 0x94d049bb133111ebU;
  return (key ^ (key >> 31)) | 1;  // 0: an empty place
}

}  // namespace

bool EventFilter::first(std::uint64_t unit, std::uint32_t kind) {
  if (unit == 0) return true;
  const std::uint64_t key = mixed(unit, kind);
  Set& set = (*sets_)[(key >> 40) % kSets];
  if (std::ranges::count(set.keys, key) > 0) return false;
  set.keys[set.next] = key;
  set.next = static_cast<std::uint8_t>((set.next + 1) % kWays);
  return true;
}

}  // namespace mlops
