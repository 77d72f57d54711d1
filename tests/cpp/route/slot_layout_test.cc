#include "route/slot_layout.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>

namespace mlops::testing {
namespace {

using Shares = std::vector<std::uint16_t>;

Shares counted(const SlotLayout& layout, std::size_t owners) {
  Shares counts(owners, 0);
  for (std::uint32_t slot = 0; slot < kRouteSlots; ++slot) ++counts[layout.owner_of_slot(slot)];
  return counts;
}

Shares random_shares(std::mt19937_64& random, std::size_t owners) {
  std::vector<std::uint32_t> cuts = {0, kRouteSlots};
  for (std::size_t i = 1; i < owners; ++i) {
    cuts.push_back(static_cast<std::uint32_t>(random() % (kRouteSlots + 1)));
  }
  std::ranges::sort(cuts);
  Shares shares;
  for (std::size_t i = 0; i < owners; ++i) {
    shares.push_back(static_cast<std::uint16_t>(cuts[i + 1] - cuts[i]));
  }
  return shares;
}

TEST(SlotLayout, AThousandChangesMoveOnlyWhatMustMove) {
  std::mt19937_64 random(1);
  for (const std::size_t owners : {2U, 3U, 7U, 32U}) {
    SlotLayout layout;
    for (int change = 0; change < 250; ++change) {
      const SlotLayout before = layout;
      const Shares had = counted(before, owners);
      const Shares wanted = random_shares(random, owners);
      layout.resize(wanted);
      ASSERT_EQ(counted(layout, owners), wanted);
      std::uint32_t moved = 0;
      std::uint32_t least = 0;
      for (std::size_t i = 0; i < owners; ++i) {
        least += static_cast<std::uint32_t>(std::max(0, wanted[i] - had[i]));
      }
      for (std::uint32_t slot = 0; slot < kRouteSlots; ++slot) {
        const ArmIndex from = before.owner_of_slot(slot);
        const ArmIndex to = layout.owner_of_slot(slot);
        if (from == to) continue;
        ++moved;
        ASSERT_LT(wanted[from], had[from]) << "an owner that does not shrink lost a slot";
        ASSERT_GT(wanted[to], had[to]) << "an owner that does not grow got a slot";
      }
      ASSERT_EQ(moved, least);
    }
  }
}

TEST(SlotLayout, ALoneArmHasTheLowestSlotsWhateverItsSharesWere) {
  std::mt19937_64 random(2);
  SlotLayout layout;
  for (int change = 0; change < 100; ++change) {
    const auto share = static_cast<std::uint16_t>(random() % (kRouteSlots + 1));
    layout.resize(Shares{static_cast<std::uint16_t>(kRouteSlots - share), share});
    for (std::uint32_t slot = 0; slot < kRouteSlots; ++slot) {
      ASSERT_EQ(layout.owner_of_slot(slot), slot < share ? 1 : 0);
    }
  }
}

TEST(SlotLayout, RunsAreTheLayout) {
  SlotLayout layout;
  layout.resize(Shares{7000, 1000, 2000});
  layout.resize(Shares{6500, 1500, 2000});
  EXPECT_EQ(layout.runs(), (std::vector<SlotRun>{{1, 1000}, {2, 2000}, {1, 500}, {0, 6500}}));
  const Result<SlotLayout> again = SlotLayout::from_runs(layout.runs());
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(*again, layout);
}

TEST(SlotLayout, RunsThatAreNoLayoutAreRefused) {
  EXPECT_FALSE(SlotLayout::from_runs(std::vector<SlotRun>{{0, 9999}}).ok());
  EXPECT_FALSE(SlotLayout::from_runs(std::vector<SlotRun>{{0, 9999}, {1, 2}}).ok());
  EXPECT_FALSE(SlotLayout::from_runs(std::vector<SlotRun>{{32, 10000}}).ok());
}

TEST(SlotLayout, AnArmThatIsGoneLeavesItsSlotsToStable) {
  SlotLayout layout;
  layout.resize(Shares{8000, 1000, 1000});
  layout.rename(std::vector<ArmIndex>{0, 0, 1});
  EXPECT_EQ(layout.runs(), (std::vector<SlotRun>{{0, 1000}, {1, 1000}, {0, 8000}}));
}

TEST(SlotLayout, EverySlotIsReachedAndTheEndsAreInside) {
  EXPECT_EQ(SlotLayout::slot_of(0), 0U);
  EXPECT_EQ(SlotLayout::slot_of(~std::uint64_t{0}), kRouteSlots - 1);
}

}  // namespace
}  // namespace mlops::testing
