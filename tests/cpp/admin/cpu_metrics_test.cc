#include "admin/cpu_metrics.h"

#include <gtest/gtest.h>

namespace mlops {
namespace {

TEST(CpuMetrics, TicksOfAllCores) {
  const auto ticks = parse_cpu_ticks("cpu  100 5 20 300 40 1 2 3 9 9\ncpu0 1 1 1 1\n");
  ASSERT_TRUE(ticks);
  EXPECT_EQ(ticks->all, 471U);   // guest time is not counted twice
  EXPECT_EQ(ticks->busy, 131U);  // neither idle nor waiting for disks
  EXPECT_FALSE(parse_cpu_ticks(""));
  EXPECT_FALSE(parse_cpu_ticks("cpu a b c d"));
  EXPECT_FALSE(parse_cpu_ticks("intr 1 2 3 4 5"));
}

TEST(CpuMetrics, MemoryThatIsNotAvailableIsUsed) {
  const auto memory =
      parse_machine_memory("MemTotal:  1000 kB\nMemFree: 1 kB\nMemAvailable:   400 kB\n");
  ASSERT_TRUE(memory);
  EXPECT_EQ(memory->total_bytes, 1024'000U);
  EXPECT_EQ(memory->used_bytes, 614'400U);
  EXPECT_FALSE(parse_machine_memory("MemTotal: 1000 kB\n"));
  EXPECT_FALSE(parse_machine_memory("MemTotal: x kB\nMemAvailable: 1 kB\n"));
}

TEST(CpuMetrics, ThePageHasTritonsNames) {
  CpuMetrics metrics;
  const std::string page = metrics.text();
  for (const char* name :
       {"nv_cpu_utilization ", "nv_cpu_memory_total_bytes ", "nv_cpu_memory_used_bytes "}) {
    EXPECT_NE(page.find(std::string("\n") + name), std::string::npos) << page;
  }
}

}  // namespace
}  // namespace mlops
