#include "base/cpu_budget.h"

#include <sched.h>

#include <algorithm>
#include <fstream>
#include <sstream>

namespace mlops {
namespace {

std::string first_line(const char* path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

unsigned cores_from_affinity() {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  if (sched_getaffinity(0, sizeof(mask), &mask) != 0) return 1;
  return static_cast<unsigned>(std::max(1, CPU_COUNT(&mask)));
}

}  // namespace

unsigned cores_from_cpu_max(const std::string& text) {
  std::istringstream fields(text);
  std::string quota;
  double period = 0;
  if (!(fields >> quota >> period) || quota == "max" || period <= 0) return 0;
  std::istringstream number(quota);
  double value = 0;
  if (!(number >> value) || value <= 0) return 0;
  const double cores = value / period;
  const auto whole = static_cast<unsigned>(cores);
  return std::max(1U, cores > whole ? whole + 1 : whole);
}

unsigned usable_cores() {
  unsigned cores = cores_from_affinity();
  unsigned quota = cores_from_cpu_max(first_line("/sys/fs/cgroup/cpu.max"));
  if (quota == 0) {
    quota = cores_from_cpu_max(first_line("/sys/fs/cgroup/cpu/cpu.cfs_quota_us") + " " +
                               first_line("/sys/fs/cgroup/cpu/cpu.cfs_period_us"));
  }
  return quota == 0 ? cores : std::min(cores, quota);
}

}  // namespace mlops
