#include "loadgen/cpu_time.h"

#include <sched.h>

#include <cerrno>
#include <cstring>
#include <ctime>

namespace mlops::loadgen {
namespace {

std::optional<double> read_s(clockid_t clock) {
  timespec t{};
  if (clock_gettime(clock, &t) != 0) return std::nullopt;
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

}  // namespace

double thread_cpu_s() { return read_s(CLOCK_THREAD_CPUTIME_ID).value_or(0); }

// The process's CPU clock rather than /proc/PID/stat: the same utime + stime, in nanoseconds
// instead of 10 ms ticks.
std::optional<double> process_cpu_s(pid_t pid) {
  clockid_t clock{};
  if (clock_getcpuclockid(pid, &clock) != 0) return std::nullopt;
  return read_s(clock);
}

std::optional<double> processes_cpu_s(const std::vector<pid_t>& pids) {
  std::optional<double> sum;
  for (const pid_t pid : pids) {
    const std::optional<double> one = process_cpu_s(pid);
    if (!one) return std::nullopt;
    sum = sum.value_or(0) + *one;
  }
  return sum;
}

std::string pin_to_cpu(int cpu) {
  if (cpu < 0 || cpu >= CPU_SETSIZE) return "no such CPU";
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<unsigned>(cpu), &set);
  return sched_setaffinity(0, sizeof(set), &set) == 0 ? "" : std::strerror(errno);
}

}  // namespace mlops::loadgen
