#include "admin/server_metrics.h"

#include <gtest/gtest.h>

#include <array>
#include <set>
#include <sstream>

namespace mlops {
namespace {

std::string number(std::size_t n) { return std::to_string(n); }

TEST(ServerMetrics, SumsTheLoopsAndListsOnlyWhatHappened) {
  LoopStats one;
  LoopStats two;
  one.connections_open.add(3);
  one.connections_open.subtract(1);
  two.connections_open.add(5);
  one.http_requests[2][0].add(7);
  two.http_requests[2][0].add(1);
  two.http_requests[2][1].add(4);
  const std::array<const LoopStats*, 2> loops = {&one, &two};
  const std::array tables = {RequestTable{"http", &LoopStats::http_requests, 4, 4, number, number}};
  const std::string page = server_metrics_text(loops, tables);
  EXPECT_NE(page.find("mlops_server_connections_open 7\n"), std::string::npos);
  EXPECT_NE(page.find("{protocol=\"http\",route=\"2\",status=\"0\"} 8\n"), std::string::npos);
  EXPECT_NE(page.find("{protocol=\"http\",route=\"2\",status=\"1\"} 4\n"), std::string::npos);
  EXPECT_EQ(page.find("route=\"1\""), std::string::npos);
}

// Prometheus rejects a page that describes a family twice or a sample that no family announces.
TEST(ServerMetrics, EveryFamilyIsDescribedOnce) {
  const LoopStats stats;
  const std::array<const LoopStats*, 1> loops = {&stats};
  std::istringstream page(server_metrics_text(loops, {}) + process_metrics_text());
  std::set<std::string> types;
  std::string line;
  while (std::getline(page, line)) {
    if (line.starts_with("# TYPE ")) {
      const std::string name = line.substr(7, line.find(' ', 7) - 7);
      EXPECT_TRUE(types.insert(name).second) << name;
    } else if (!line.starts_with("#")) {
      EXPECT_TRUE(types.contains(line.substr(0, line.find_first_of("{ ")))) << line;
    }
  }
  EXPECT_GE(types.size(), 14U);
}

TEST(ServerMetrics, ProcessFiguresAreRead) {
  const std::string page = process_metrics_text();
  for (const char* name : {"process_cpu_seconds_total ", "process_resident_memory_bytes ",
                           "process_open_fds ", "process_max_fds "}) {
    const std::size_t at = page.find(std::string("\n") + name);
    ASSERT_NE(at, std::string::npos) << name;
    EXPECT_GT(std::stod(page.substr(at + 1 + std::string(name).size())), 0.0) << name;
  }
}

}  // namespace
}  // namespace mlops
