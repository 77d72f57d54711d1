#include "admin/health_facts.h"

#include <sys/statvfs.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <sstream>

#include "admin/cpu_metrics.h"

namespace mlops {
namespace {

std::string file_text(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

std::optional<std::uint64_t> number_at(std::string_view text) {
  std::uint64_t value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc()) return std::nullopt;
  return value;
}

}  // namespace

// "0::/system.slice/mlops-server.service"
std::string cgroup_path(std::string_view cgroup) {
  while (!cgroup.empty()) {
    const std::string_view line = cgroup.substr(0, cgroup.find('\n'));
    cgroup.remove_prefix(std::min(line.size() + 1, cgroup.size()));
    if (line.starts_with("0::/")) return "/sys/fs/cgroup" + std::string(line.substr(3));
  }
  return {};
}

std::optional<double> cgroup_memory_share(std::string_view current, std::string_view max,
                                          std::string_view stat) {
  const auto used = number_at(current);
  const auto limit = number_at(max);
  if (!used || !limit || *limit == 0) return std::nullopt;
  constexpr std::string_view kKey = "inactive_file ";
  std::uint64_t cache = 0;
  for (std::string_view rest = stat; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    if (line.starts_with(kKey)) cache = number_at(line.substr(kKey.size())).value_or(0);
  }
  return static_cast<double>(*used - std::min(*used, cache)) / static_cast<double>(*limit);
}

std::optional<double> memory_share_in_use() {
  std::string folder = cgroup_path(file_text("/proc/self/cgroup"));
  // The nearest group with a limit: a unit's may hang below a slice's.
  for (constexpr std::size_t kRoot = 14; folder.size() >= kRoot;) {
    const auto share =
        cgroup_memory_share(file_text(folder + "/memory.current"),
                            file_text(folder + "/memory.max"), file_text(folder + "/memory.stat"));
    if (share) return share;
    folder.resize(folder.rfind('/'));
  }
  const auto memory = parse_machine_memory(file_text("/proc/meminfo"));
  if (!memory || memory->total_bytes == 0) return std::nullopt;
  return static_cast<double>(memory->used_bytes) / static_cast<double>(memory->total_bytes);
}

std::optional<std::uint64_t> least_disk_free(const std::vector<std::string>& folders) {
  std::optional<std::uint64_t> least;
  for (const std::string& folder : folders) {
    struct statvfs disk {};
    if (::statvfs(folder.c_str(), &disk) != 0) continue;
    const std::uint64_t free = std::uint64_t{disk.f_bavail} * disk.f_frsize;
    least = std::min(least.value_or(free), free);
  }
  return least;
}

}  // namespace mlops
