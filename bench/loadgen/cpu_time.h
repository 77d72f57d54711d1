// CPU seconds used by this thread and by a server process, and pinning of this thread.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

namespace mlops::loadgen {

double thread_cpu_s();

// User and system time of a whole process (threads that ended included); nothing when it is gone.
std::optional<double> process_cpu_s(pid_t pid);

// An empty string, or why the thread could not be pinned.
std::string pin_to_cpu(int cpu);

}  // namespace mlops::loadgen
