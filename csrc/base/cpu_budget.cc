#include "base/cpu_budget.h"

#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <sstream>
#include <vector>

namespace mlops {
namespace {

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// The set is as large as the kernel says, which may be more than cpu_set_t holds.
unsigned cores_from_affinity() {
  for (std::size_t cores = 1024; cores <= std::size_t{1} << 20; cores *= 2) {
    std::vector<cpu_set_t> mask(CPU_ALLOC_SIZE(cores) / sizeof(cpu_set_t) + 1);
    const std::size_t size = mask.size() * sizeof(cpu_set_t);
    if (sched_getaffinity(0, size, mask.data()) == 0) {
      return static_cast<unsigned>(std::max(1, CPU_COUNT_S(size, mask.data())));
    }
    if (errno != EINVAL) break;
  }
  return 1;
}

bool has_item(const std::string& list, const std::string& item) {
  std::istringstream items(list);
  for (std::string found; std::getline(items, found, ',');) {
    if (found == item) return true;
  }
  return false;
}

// One place where a hierarchy with the cpu controller is mounted.
struct Mount {
  std::string of;  // the folder of the hierarchy that is seen at `at`
  std::string at;
  bool unified = false;
};

// A line of /proc/self/mountinfo: "31 23 0:28 OF AT options [tags] - type source options".
bool read_mount(const std::string& line, Mount& mount) {
  std::istringstream fields(line);
  std::string skipped;
  if (!(fields >> skipped >> skipped >> skipped >> mount.of >> mount.at)) return false;
  while (fields >> skipped && skipped != "-") {
  }
  std::string type;
  std::string options;
  if (!(fields >> type >> skipped >> options)) return false;
  mount.unified = type == "cgroup2";
  return mount.unified || (type == "cgroup" && has_item(options, "cpu"));
}

// Where the process is in the hierarchy: "0::/a/b", or "4:cpu,cpuacct:/a/b" of version 1.
std::string own_folder(const std::string& root, bool unified) {
  std::ifstream file(root + "/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == line.npos || second == line.npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    if (unified ? controllers.empty() : has_item(controllers, "cpu")) {
      return line.substr(second + 1);
    }
  }
  return "/";
}

unsigned quota_of(const std::string& folder, bool unified) {
  if (unified) return cores_from_cpu_max(first_line(folder + "/cpu.max"));
  return cores_from_cpu_max(first_line(folder + "/cpu.cfs_quota_us") + " " +
                            first_line(folder + "/cpu.cfs_period_us"));
}

// Every folder on the way up may have a quota of its own. What lies above the mount is not seen.
unsigned tightest_quota(const std::string& root, const Mount& mount) {
  std::string path = own_folder(root, mount.unified);
  if (mount.of != "/") {
    path = path.starts_with(mount.of) ? path.substr(mount.of.size()) : std::string();
  }
  if (path.find("..") != path.npos) path.clear();  // of a namespace that does not see it
  unsigned tightest = 0;
  while (true) {
    const unsigned quota = quota_of(root + mount.at + path, mount.unified);
    if (quota > 0) tightest = tightest == 0 ? quota : std::min(tightest, quota);
    if (path.empty()) return tightest;
    path.erase(path.rfind('/') == path.npos ? 0 : path.rfind('/'));
  }
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

unsigned cores_from_cgroup(const std::string& root) {
  std::ifstream mounts(root + "/proc/self/mountinfo");
  unsigned tightest = 0;
  for (std::string line; std::getline(mounts, line);) {
    Mount mount;
    if (!read_mount(line, mount)) continue;
    const unsigned quota = tightest_quota(root, mount);
    if (quota > 0) tightest = tightest == 0 ? quota : std::min(tightest, quota);
  }
  return tightest;
}

unsigned usable_cores() {
  const unsigned cores = cores_from_affinity();
  const unsigned quota = cores_from_cgroup("");
  return quota == 0 ? cores : std::min(cores, quota);
}

}  // namespace mlops
