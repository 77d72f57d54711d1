// For a server that a launcher started for itself (`mlops serve`): it ends when the launcher is
// killed, so that no orphan keeps the ports.
#pragma once

namespace mlops {

// Holds the launcher's process id; the launcher sets it, nobody else does.
inline constexpr const char* kParentVariable = "MLOPS_PARENT_PID";

// Asks the kernel for SIGTERM when the parent ends. False when it already has, that is, when
// `launcher` names a process that is not our parent. Null: nobody asks for this, and true is the
// answer. The signal comes with the end of the *thread* that started us.
bool end_with_parent(const char* launcher);

}  // namespace mlops
