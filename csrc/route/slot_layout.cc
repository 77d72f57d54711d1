#include "route/slot_layout.h"

#include <algorithm>

namespace mlops {

Result<SlotLayout> SlotLayout::from_runs(std::span<const SlotRun> runs) {
  SlotLayout layout;
  std::size_t slot = 0;
  for (const SlotRun& run : runs) {
    if (run.owner >= kArmsMax || run.slots > kRouteSlots - slot) {
      return Status::invalid_argument("the slots of a route are not 10000 of at most 32 arms");
    }
    for (std::size_t i = 0; i < run.slots; ++i) layout.owners_[slot++] = run.owner;
  }
  if (slot != kRouteSlots) {
    return Status::invalid_argument("the slots of a route are " + std::to_string(slot) +
                                    ", not 10000");
  }
  return layout;
}

void SlotLayout::rename(std::span<const ArmIndex> renamed) {
  for (ArmIndex& owner : owners_) owner = owner < renamed.size() ? renamed[owner] : 0;
}

// Arms give back what they got last; stable gives its lowest slots first.
void SlotLayout::resize(std::span<const std::uint16_t> shares) {
  std::array<std::int32_t, kArmsMax> surplus{};
  for (const ArmIndex owner : owners_) ++surplus[owner];
  for (std::size_t i = 0; i < shares.size(); ++i) surplus[i] -= shares[i];
  constexpr ArmIndex kNobody = kArmsMax;
  for (std::uint32_t slot = kRouteSlots; slot-- > 0;) {
    ArmIndex& owner = owners_[slot];
    if (owner == 0 || surplus[owner] <= 0) continue;
    --surplus[owner];
    owner = kNobody;
  }
  for (ArmIndex& owner : owners_) {
    if (surplus[0] <= 0) break;
    if (owner != 0) continue;
    --surplus[0];
    owner = kNobody;
  }
  // Whoever lacks slots takes the lowest that are free, arms before stable.
  ArmIndex taker = 1;
  for (ArmIndex& owner : owners_) {
    if (owner != kNobody) continue;
    while (taker < shares.size() && surplus[taker] >= 0) ++taker;
    owner = taker < shares.size() ? taker : 0;
    ++surplus[owner];
  }
}

std::vector<SlotRun> SlotLayout::runs() const {
  std::vector<SlotRun> runs;
  for (const ArmIndex owner : owners_) {
    if (runs.empty() || runs.back().owner != owner) runs.push_back({owner, 0});
    ++runs.back().slots;
  }
  return runs;
}

}  // namespace mlops
