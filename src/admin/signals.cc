#include "admin/signals.h"

#include <csignal>

#include <pthread.h>

namespace mlops {
namespace {

sigset_t signal_set() {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGTERM);
  ::sigaddset(&set, SIGINT);
  ::sigaddset(&set, SIGHUP);
  return set;
}

}  // namespace

ProcessSignals::ProcessSignals() {
  const sigset_t set = signal_set();
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);  // a reader of our output may leave
  std::signal(SIGXFSZ, SIG_IGN);  // a file at its size limit is a failed write, not our end
}

int ProcessSignals::wait() {
  const sigset_t set = signal_set();
  int number = 0;
  while (::sigwait(&set, &number) != 0) {
  }
  if (number == SIGHUP) return number;
  std::signal(SIGTERM, SIG_DFL);
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGHUP, SIG_IGN);  // there is nothing to reload any more
  ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
  return number;
}

}  // namespace mlops
