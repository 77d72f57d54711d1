#include "base/cpu_budget.h"

#include <gtest/gtest.h>

#include "support/temporary_folder.h"

namespace mlops {
namespace {

// A made-up machine's /proc and /sys.
class Root {
 public:
  void write(const std::string& path, const std::string& text) const {
    folder_.file(path.substr(1), text + "\n");
  }
  unsigned cores() const { return cores_from_cgroup(folder_.path()); }

 private:
  testing::TemporaryFolder folder_;
};

constexpr char kUnified[] = "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate";

TEST(CpuBudget, TheTightestQuotaOnTheWayUpCounts) {
  Root root;
  root.write("/proc/self/mountinfo", kUnified);
  root.write("/proc/self/cgroup", "0::/system.slice/mlops-server.service");
  EXPECT_EQ(root.cores(), 0U);
  root.write("/sys/fs/cgroup/system.slice/mlops-server.service/cpu.max", "max 100000");
  EXPECT_EQ(root.cores(), 0U);
  root.write("/sys/fs/cgroup/system.slice/cpu.max", "300000 100000");
  EXPECT_EQ(root.cores(), 3U);
  root.write("/sys/fs/cgroup/system.slice/mlops-server.service/cpu.max", "50000 100000");
  EXPECT_EQ(root.cores(), 1U);
}

TEST(CpuBudget, InAContainersOwnNamespaceTheQuotaIsAtTheTop) {
  Root root;
  root.write("/proc/self/mountinfo", kUnified);
  root.write("/proc/self/cgroup", "0::/");
  root.write("/sys/fs/cgroup/cpu.max", "150000 100000");
  EXPECT_EQ(root.cores(), 2U);
  root.write("/proc/self/cgroup", "0::/../../elsewhere");
  EXPECT_EQ(root.cores(), 2U);
}

TEST(CpuBudget, Version1HasAHierarchyForTheController) {
  Root root;
  root.write("/proc/self/mountinfo",
             "32 31 0:29 /docker/abc /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup "
             "rw,cpu,cpuacct\n"
             "33 31 0:30 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory");
  root.write("/proc/self/cgroup", "9:memory:/docker/abc\n2:cpu,cpuacct:/docker/abc\n0::/");
  root.write("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1");
  root.write("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000");
  EXPECT_EQ(root.cores(), 0U);
  root.write("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "400000");
  EXPECT_EQ(root.cores(), 4U);
}

TEST(CpuBudget, WithoutCgroupsOrWithNonsenseThereIsNoQuota) {
  Root root;
  EXPECT_EQ(root.cores(), 0U);
  root.write("/proc/self/mountinfo", "nonsense\n30 23 0:26 / /sys/fs/cgroup rw - cgroup2\n\n");
  root.write("/proc/self/cgroup", "::\n:\n");
  EXPECT_EQ(root.cores(), 0U);
}

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
