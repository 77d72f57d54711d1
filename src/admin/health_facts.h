#pragma once
// What the machine says of memory and disk. Blocks as long as small files of /proc and /sys do.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mlops {

// Of the process's cgroup where that has a limit, else of the machine; page cache that can be given
// back counts as free.
std::optional<double> memory_share_in_use();
// Of the fullest of the file systems that hold `folders`; one that is not there is left out.
std::optional<std::uint64_t> least_disk_free(const std::vector<std::string>& folders);

// Pure parts. `cgroup` is /proc/self/cgroup; empty when there is no unified hierarchy.
std::string cgroup_path(std::string_view cgroup);
// Texts of memory.current, memory.max and memory.stat; nothing without a limit.
std::optional<double> cgroup_memory_share(std::string_view current, std::string_view max,
                                          std::string_view stat);

}  // namespace mlops
