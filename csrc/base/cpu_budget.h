#pragma once
// How many cores this process may really use: affinity mask and cgroup quota, not the host's count.

#include <string>

namespace mlops {

// Cores as a whole number, at least 1. Reads the scheduler's mask and the cgroup v2 or v1 quota.
unsigned usable_cores();

// Pure part, for tests: contents of cgroup v2 "cpu.max" ("max 100000" or "150000 100000"), rounded
// up; 0 means no limit or unreadable.
unsigned cores_from_cpu_max(const std::string& text);

}  // namespace mlops
