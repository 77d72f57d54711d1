#pragma once
// Triton's nv_cpu_* gauges: how busy the machine was since the last scrape, and its memory. Any
// thread.

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace mlops {

struct CpuTicks {
  std::uint64_t busy = 0;
  std::uint64_t all = 0;
};
struct MachineMemory {
  std::uint64_t total_bytes = 0;
  std::uint64_t used_bytes = 0;
};

// Out of the texts of /proc/stat and /proc/meminfo; nullopt when they are not understood.
std::optional<CpuTicks> parse_cpu_ticks(std::string_view stat);
std::optional<MachineMemory> parse_machine_memory(std::string_view meminfo);

class CpuMetrics {
 public:
  std::string text();

 private:
  std::mutex mutex_;
  CpuTicks last_;           // guarded by mutex_
  double utilization_ = 0;  // guarded by mutex_
};

}  // namespace mlops
