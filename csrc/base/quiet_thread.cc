#include "base/quiet_thread.h"

#include <sys/resource.h>

#include <thread>

namespace mlops {
namespace {

constexpr int kNice = 10;

}  // namespace

void run_quietly(const std::function<void()>& work) {
  std::thread([&work] {
    // On Linux this is the calling thread's own value. That it may fail changes nothing but speed.
    (void)setpriority(PRIO_PROCESS, 0, kNice);
    work();
  }).join();
}

}  // namespace mlops
