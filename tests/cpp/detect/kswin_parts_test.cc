#include <gtest/gtest.h>

#include <algorithm>
#include <bit>

#include "detect/ks_two_sample.h"
#include "detect/python_random.h"

namespace mlops {
namespace {

TEST(PythonRandomTest, DrawsAreThoseOfPython) {
  // [random.Random(seed).getrandbits(32) for _ in range(3)] and the same for two-word seeds.
  PythonRandom zero(0), big((1ull << 40) + 7);
  EXPECT_EQ(zero.bits32(), 3626764237u);
  EXPECT_EQ(zero.bits32(), 1654615998u);
  EXPECT_EQ(zero.bits32(), 3255389356u);
  EXPECT_EQ(big.bits32(), 2635837658u);
  for (int i = 0; i < 1300; ++i) big.bits32();
  EXPECT_EQ(big.bits32(), 866618484u);  // the state was refilled twice
}

TEST(PythonRandomTest, SamplesAreThoseOfPython) {
  std::vector<std::uint32_t> scratch(1000), drawn(7);
  PythonRandom random(42);
  random.sample(20, drawn, scratch);  // random.Random(42).sample(range(20), 7), from a pool
  EXPECT_EQ(drawn, (std::vector<std::uint32_t>{3, 0, 8, 7, 16, 2, 11}));
  random.sample(1000, drawn, scratch);  // then sample(range(1000), 7), drawing again what is taken
  EXPECT_EQ(drawn, (std::vector<std::uint32_t>{104, 692, 758, 913, 558, 89, 604}));
}

TEST(KsTwoSampleTest, TailIsTheShareOfAllArrangements) {
  // Every way to mix 5 values of one sample with 5 of another is equally likely.
  std::vector<int> counts(6, 0);
  int arrangements = 0;
  for (unsigned mask = 0; mask < 1024; ++mask) {
    if (std::popcount(mask) != 5) continue;
    int level = 0, most = 0;
    for (int i = 0; i < 10; ++i) {
      level += (mask >> i & 1) ? 1 : -1;
      most = std::max(most, std::abs(level));
    }
    ++counts[most];
    ++arrangements;
  }
  int beyond = 0;
  for (int steps = 5; steps >= 1; --steps) {
    beyond += counts[steps];
    EXPECT_NEAR(ks_tail(5, steps), static_cast<double>(beyond) / arrangements, 1e-12) << steps;
  }
  EXPECT_EQ(ks_tail(5, 0), 1);
}

TEST(KsTwoSampleTest, StepsWithTies) {
  const std::vector<double> a = {1, 1, 2, 3}, b = {1, 2, 2, 2};
  EXPECT_EQ(ks_steps(a, b), 1);
  EXPECT_EQ(ks_steps(a, a), 0);
  const std::vector<double> c = {7, 8, 9, 10};
  EXPECT_EQ(ks_steps(a, c), 4);
}

}  // namespace
}  // namespace mlops
