#include "model/version_policy.h"

#include <gtest/gtest.h>

namespace mlops {
namespace {

using Versions = std::vector<std::int64_t>;

TEST(VersionPolicy, TheLatestIsTheDefault) {
  EXPECT_EQ(VersionPolicy{}.select({3, 10, 2}), (Versions{10}));
}

TEST(VersionPolicy, TakesTheLatestFew) {
  VersionPolicy policy;
  policy.latest_count = 2;
  EXPECT_EQ(policy.select({3, 10, 2}), (Versions{3, 10}));
  EXPECT_EQ(policy.select({3}), (Versions{3}));
  EXPECT_EQ(policy.select({}), Versions{});
}

TEST(VersionPolicy, TakesAllOrThoseThatAreNamed) {
  VersionPolicy all;
  all.choice = VersionPolicy::Choice::all;
  EXPECT_EQ(all.select({3, 1}), (Versions{1, 3}));
  VersionPolicy specific;
  specific.choice = VersionPolicy::Choice::specific;
  specific.specific = {3, 7};
  EXPECT_EQ(specific.select({1, 2, 3}), (Versions{3}));
  EXPECT_EQ(specific.missing_versions({1, 2, 3}), (Versions{7}));
}

}  // namespace
}  // namespace mlops
