#include "base/cpu_budget.h"

#include <gtest/gtest.h>

namespace mlops {
namespace {

TEST(CpuBudget, ReadsTheQuotaRoundedUp) {
  EXPECT_EQ(cores_from_cpu_max("max 100000"), 0U);
  EXPECT_EQ(cores_from_cpu_max("150000 100000"), 2U);
  EXPECT_EQ(cores_from_cpu_max("200000 100000"), 2U);
  EXPECT_EQ(cores_from_cpu_max("10000 100000"), 1U);
  EXPECT_EQ(cores_from_cpu_max("-1 100000"), 0U);  // cgroup v1: no limit
  EXPECT_EQ(cores_from_cpu_max(""), 0U);
  EXPECT_EQ(cores_from_cpu_max("nonsense"), 0U);
  EXPECT_EQ(cores_from_cpu_max("100000 0"), 0U);
}

TEST(CpuBudget, ThereIsAlwaysOneCore) { EXPECT_GE(usable_cores(), 1U); }

}  // namespace
}  // namespace mlops
