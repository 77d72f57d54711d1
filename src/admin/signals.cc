#include "admin/signals.h"

#include <csignal>

#include <pthread.h>

namespace mlops {
namespace {

sigset_t stop_set() {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGTERM);
  ::sigaddset(&set, SIGINT);
  return set;
}

}  // namespace

StopSignals::StopSignals() {
  const sigset_t set = stop_set();
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);  // a reader of our output may leave
  std::signal(SIGXFSZ, SIG_IGN);  // a file at its size limit is a failed write, not our end
}

int StopSignals::wait() {
  const sigset_t set = stop_set();
  int number = 0;
  while (::sigwait(&set, &number) != 0) {
  }
  std::signal(SIGTERM, SIG_DFL);
  std::signal(SIGINT, SIG_DFL);
  ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
  return number;
}

}  // namespace mlops
