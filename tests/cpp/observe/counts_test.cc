#include "observe/counts.h"

#include <gtest/gtest.h>

#include <random>

namespace mlops {
namespace {

CountsTable random_table(std::mt19937_64& random) {
  CountsTable table = {StreamCounts(StreamKind::numeric, 32),
                       StreamCounts(StreamKind::categorical, 3)};
  for (StreamCounts& stream : table) {
    for (std::uint64_t& mass : stream.masses) mass = random() % 1000;
    if (stream.kind == StreamKind::categorical) continue;
    // Whole numbers, so that sums of doubles are exact too.
    stream.moments.n = stream.rows();
    stream.moments.sum = static_cast<double>(random() % 10000);
    stream.moments.sum2 = static_cast<double>(random() % 10000);
    stream.moments.min = -static_cast<float>(random() % 100);
    stream.moments.max = static_cast<float>(random() % 100);
  }
  return table;
}

CountsTable sum(CountsTable a, const CountsTable& b) {
  EXPECT_TRUE(add_counts(a, b).ok());
  return a;
}

TEST(Counts, AddingIsAssociativeAndCommutative) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 50; ++i) {
    const CountsTable a = random_table(random);
    const CountsTable b = random_table(random);
    const CountsTable c = random_table(random);
    EXPECT_EQ(sum(a, b), sum(b, a));
    EXPECT_EQ(sum(sum(a, b), c), sum(a, sum(b, c)));
  }
}

TEST(Counts, SubtractingWhatWasAddedRestoresAllButMinAndMax) {
  std::mt19937_64 random(2);
  for (int i = 0; i < 50; ++i) {
    const CountsTable a = random_table(random);
    const CountsTable b = random_table(random);
    CountsTable back = sum(a, b);
    const Moments both = back[0].moments;
    ASSERT_TRUE(subtract_counts(back, b).ok());
    EXPECT_EQ(back[0].moments.min, both.min);
    EXPECT_EQ(back[0].moments.max, both.max);
    back[0].moments.min = a[0].moments.min;
    back[0].moments.max = a[0].moments.max;
    EXPECT_EQ(back, a);
  }
}

TEST(Counts, EveryRowIsCountedOnce) {
  StreamCounts stream(StreamKind::numeric, 4);
  stream.masses[3] = 5;
  stream.own(OwnMass::missing) = 2;
  stream.own(OwnMass::new_category) = 1;
  EXPECT_EQ(stream.rows(), 8U);
  EXPECT_EQ(stream.masses.back(), 1U);
  EXPECT_EQ(stream.regular().size(), 4U);
}

TEST(Counts, OtherStreamsAndWhatIsNotContainedAreRefusedWhole) {
  std::mt19937_64 random(3);
  CountsTable table = random_table(random);
  const CountsTable before = table;
  EXPECT_FALSE(add_counts(table, {StreamCounts(StreamKind::numeric, 32)}).ok());
  CountsTable more = table;
  more[1].masses[0] += 1;
  EXPECT_FALSE(subtract_counts(table, more).ok());
  EXPECT_EQ(table, before);
}

}  // namespace
}  // namespace mlops
