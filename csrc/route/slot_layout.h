#pragma once
// Who owns which part of the hash space: 10,000 slots, so that shares are exact in steps of 0.01 %.
// A change of shares moves as few slots as there are, and only from owners that shrink to owners
// that grow; so a unit never changes its owner because of somebody else's share, and a share that
// grows never gives a unit back. As long as only one owner ever had a share it has the lowest
// slots, whatever its shares were, and replicas agree without telling each other; with more owners
// the layout is part of the route. A value; no locks.

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "base/status.h"

namespace mlops {

inline constexpr std::uint32_t kRouteSlots = 10'000;

using ArmIndex = std::uint8_t;  // 0: stable
inline constexpr std::size_t kArmsMax = 32;

// A number of neighbouring slots of one owner, in the order of the slots.
struct SlotRun {
  ArmIndex owner = 0;
  std::uint16_t slots = 0;
  friend bool operator==(const SlotRun&, const SlotRun&) = default;
};

class SlotLayout {
 public:
  SlotLayout() { owners_.fill(0); }  // all stable
  static Result<SlotLayout> from_runs(std::span<const SlotRun> runs);

  static std::uint32_t slot_of(std::uint64_t point) {
    return static_cast<std::uint32_t>(((point >> 32) * kRouteSlots) >> 32);
  }
  ArmIndex owner(std::uint64_t point) const { return owners_[slot_of(point)]; }
  ArmIndex owner_of_slot(std::uint32_t slot) const { return owners_[slot]; }

  // Gives every slot of owner i to renamed[i].
  void rename(std::span<const ArmIndex> renamed);
  // Afterwards owner i has shares[i] slots. Their sum must be kRouteSlots.
  void resize(std::span<const std::uint16_t> shares);

  std::vector<SlotRun> runs() const;
  friend bool operator==(const SlotLayout&, const SlotLayout&) = default;

 private:
  std::array<ArmIndex, kRouteSlots> owners_;
};

}  // namespace mlops
