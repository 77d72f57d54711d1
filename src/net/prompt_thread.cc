#include "net/prompt_thread.h"

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

namespace mlops {
namespace {

constexpr std::uint64_t kSliceNs = 100'000;  // the shortest there is

// The kernel's struct sched_attr, which C libraries know since glibc 2.41 only.
struct Attributes {
  std::uint32_t size = sizeof(Attributes);
  std::uint32_t policy = 0;
  std::uint64_t flags = 0;
  std::int32_t nice = 0;
  std::uint32_t priority = 0;
  std::uint64_t runtime = 0;
  std::uint64_t deadline = 0;
  std::uint64_t period = 0;
};

}  // namespace

void run_promptly() noexcept {
  Attributes now;
  if (::syscall(SYS_sched_getattr, 0, &now, sizeof now, 0) != 0) return;
  if (now.policy != SCHED_OTHER) return;  // somebody has decided otherwise
  now.size = sizeof now;
  now.runtime = kSliceNs;
  (void)::syscall(SYS_sched_setattr, 0, &now, 0);
}

}  // namespace mlops
