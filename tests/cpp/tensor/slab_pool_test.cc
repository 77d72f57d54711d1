#include "tensor/slab_pool.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <thread>
#include <vector>

namespace mlops {
namespace {

TEST(SlabPool, RecyclesWhatComesBack) {
  SlabPool pool(1 << 20);
  const std::byte* first = nullptr;
  {
    const Buffer slab = pool.acquire(1000);
    ASSERT_TRUE(slab);
    EXPECT_EQ(slab->size(), 1000U);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(slab->data()) % 64, 0U);
    first = slab->data();
    EXPECT_EQ(pool.bytes_in_use(), 1024U);
  }
  EXPECT_EQ(pool.bytes_in_use(), 0U);
  EXPECT_EQ(pool.bytes_retained(), 1024U);
  const Buffer again = pool.acquire(700);
  EXPECT_EQ(again->data(), first);
  EXPECT_EQ(again->size(), 700U);
}

TEST(SlabPool, ExhaustionIsAnAnswer) {
  SlabPool pool(4096);
  const Buffer a = pool.acquire(4096);
  EXPECT_TRUE(a);
  EXPECT_FALSE(pool.acquire(1));
  EXPECT_FALSE(SlabPool(4096).acquire(SIZE_MAX));
}

TEST(SlabPool, RetainedSlabsOfOtherSizesMakeRoom) {
  SlabPool pool(4096);
  { const Buffer small = pool.acquire(2048); }
  EXPECT_EQ(pool.bytes_retained(), 2048U);
  EXPECT_TRUE(pool.acquire(4096));
}

constexpr std::size_t kOneOffBytes = std::size_t{128} << 20;

// Memory that is never touched costs nothing.
TEST(SlabPool, AOneOffHugeSlabIsNotKept) {
  SlabPool pool(std::size_t{1} << 30);
  { const Buffer usual = pool.acquire(1000); }
  { const Buffer huge = pool.acquire(kOneOffBytes); }
  EXPECT_EQ(pool.bytes_in_use(), 0U);
  EXPECT_EQ(pool.bytes_retained(), 1024U);
}

TEST(SlabPool, HugeSlabsThatAreNeededAgainAreKeptUntilTheyAreNot) {
  SlabPool pool(std::size_t{1} << 30);
  for (int i = 0; i < 2; ++i) const Buffer huge = pool.acquire(kOneOffBytes);
  EXPECT_EQ(pool.bytes_retained(), kOneOffBytes);
  const std::byte* known = pool.acquire(kOneOffBytes)->data();
  EXPECT_EQ(pool.acquire(kOneOffBytes)->data(), known);
  for (int i = 0; i < 5000; ++i) const Buffer usual = pool.acquire(1000);
  EXPECT_EQ(pool.bytes_retained(), kOneOffBytes + 1024) << "not long ago";
  for (int i = 0; i < 5000; ++i) const Buffer usual = pool.acquire(1000);
  EXPECT_EQ(pool.bytes_retained(), 1024U);
}

TEST(SlabPool, ASlabMayOutliveThePool) {
  Buffer kept;
  {
    SlabPool pool(1 << 20);
    kept = pool.acquire(64);
  }
  std::memset(kept->data(), 1, kept->size());
}

TEST(SlabPool, NeverExceedsItsBudgetUnderThreads) {
  SlabPool pool(1 << 16);
  std::vector<std::jthread> threads;
  for (unsigned t = 0; t < 8; ++t) {
    threads.emplace_back([&pool, t] {
      std::mt19937_64 random(t);
      std::vector<Buffer> held;
      for (int i = 0; i < 2000; ++i) {
        if (Buffer slab = pool.acquire(random() % 5000)) held.push_back(std::move(slab));
        if (!held.empty() && random() % 2) held.erase(held.begin());
        ASSERT_LE(pool.bytes_in_use(), std::size_t{1} << 16);
      }
    });
  }
}

}  // namespace
}  // namespace mlops
