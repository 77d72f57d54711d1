#include "admin/cpu_metrics.h"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <sstream>

namespace mlops {
namespace {

std::string file_text(const char* path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

void gauge(std::string& page, const char* name, const char* help, double value) {
  char text[256];
  std::snprintf(text, sizeof text, "# HELP %s %s\n# TYPE %s gauge\n%s %.17g\n", name, help, name,
                name, value);
  page += text;
}

// "MemTotal:       16384 kB"
std::optional<std::uint64_t> kilobytes(std::string_view meminfo, std::string_view key) {
  const std::size_t at = meminfo.find(key);
  if (at == meminfo.npos) return std::nullopt;
  std::istringstream rest{std::string(meminfo.substr(at + key.size(), 64))};
  std::uint64_t value = 0;
  if (!(rest >> value)) return std::nullopt;
  return value;
}

}  // namespace

std::optional<CpuTicks> parse_cpu_ticks(std::string_view stat) {
  std::istringstream line{std::string(stat.substr(0, stat.find('\n')))};
  std::string label;
  CpuTicks ticks;
  // user nice system idle iowait irq softirq steal; guest time is part of user time.
  std::uint64_t value = 0;
  int fields = 0;
  for (line >> label; fields < 8 && line >> value; ++fields) {
    ticks.all += value;
    const bool idle = fields == 3 || fields == 4;
    if (!idle) ticks.busy += value;
  }
  if (label != "cpu" || fields < 4) return std::nullopt;
  return ticks;
}

std::optional<MachineMemory> parse_machine_memory(std::string_view meminfo) {
  const auto total = kilobytes(meminfo, "MemTotal:");
  const auto available = kilobytes(meminfo, "MemAvailable:");
  if (!total || !available || *available > *total) return std::nullopt;
  return MachineMemory{*total * 1024, (*total - *available) * 1024};
}

std::string CpuMetrics::text() {
  std::string page;
  if (const auto ticks = parse_cpu_ticks(file_text("/proc/stat"))) {
    const std::lock_guard lock(mutex_);
    // Two scrapes within a tick tell nothing new.
    if (ticks->all > last_.all) {
      utilization_ = static_cast<double>(ticks->busy - std::min(last_.busy, ticks->busy)) /
                     static_cast<double>(ticks->all - last_.all);
      last_ = *ticks;
    }
    gauge(page, "nv_cpu_utilization", "CPU utilization rate [0.0 - 1.0] since the last scrape",
          utilization_);
  }
  if (const auto memory = parse_machine_memory(file_text("/proc/meminfo"))) {
    gauge(page, "nv_cpu_memory_total_bytes", "CPU total memory (RAM), in bytes",
          static_cast<double>(memory->total_bytes));
    gauge(page, "nv_cpu_memory_used_bytes", "CPU used memory (RAM), in bytes",
          static_cast<double>(memory->used_bytes));
  }
  return page;
}

}  // namespace mlops
