#pragma once
// How many cores this process may really use: affinity mask (which a cpuset narrows) and cgroup
// quotas, not the host's count. Read from the system at every call: ask once, at the start.

#include <string>

namespace mlops {

// Cores as a whole number, at least 1.
unsigned usable_cores();

// Parts of it, for tests.

// The tightest quota, rounded up, of the cgroup (v2 or v1) that the files below `root` say the
// process is in, and of those around it; 0: none. `root` is empty but in tests.
unsigned cores_from_cgroup(const std::string& root);

// Contents of cgroup v2 "cpu.max" ("max 100000" or "150000 100000"), rounded up; 0 means no limit
// or unreadable.
unsigned cores_from_cpu_max(const std::string& text);

}  // namespace mlops
