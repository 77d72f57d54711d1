// CPU seconds used by this thread and by a server process, and pinning of this thread.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace mlops::loadgen {

double thread_cpu_s();

// User and system time of a whole process (threads that ended included); nothing when it is gone.
std::optional<double> process_cpu_s(pid_t pid);
// Of all of them; nothing when one is gone, or there is none.
std::optional<double> processes_cpu_s(const std::vector<pid_t>& pids);

// An empty string, or why the thread could not be pinned.
std::string pin_to_cpu(int cpu);

}  // namespace mlops::loadgen
