#include "base/quiet_thread.h"

#include <sys/resource.h>

#include <thread>

namespace mlops {
namespace {

constexpr int kNice = 10;

}  // namespace

// On Linux this is the calling thread's own value. That it may fail changes nothing but speed.
void be_quiet() { (void)setpriority(PRIO_PROCESS, 0, kNice); }

void run_quietly(const std::function<void()>& work) {
  std::thread([&work] {
    be_quiet();
    work();
  }).join();
}

}  // namespace mlops
