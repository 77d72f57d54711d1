#include "net/prompt_thread.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <thread>

namespace mlops {
namespace {

// Of the kernel's struct sched_attr, in words of 32 bits: policy is the second, runtime the seventh
// and eighth.
struct Seen {
  bool known = false;
  std::uint32_t policy = 0;
  std::uint64_t runtime_ns = 0;
};

Seen look() {
  std::array<std::uint32_t, 32> words{};
  const long rc = ::syscall(SYS_sched_getattr, 0, words.data(), sizeof words, 0);
  return {rc == 0, words[1], words[6] | std::uint64_t{words[7]} << 32};
}

template <class F>
void on_a_thread(F f) {
  std::thread(f).join();
}

TEST(PromptThread, GetsShortSlicesAndNothingElse) {
  on_a_thread([] {
    const Seen before = look();
    if (!before.known) GTEST_SKIP() << "no sched_getattr here";
    if (before.runtime_ns == 0) GTEST_SKIP() << "the kernel knows no slices of threads";
    const int nice = ::getpriority(PRIO_PROCESS, 0);
    run_promptly();
    const Seen after = look();
    EXPECT_LT(after.runtime_ns, before.runtime_ns);
    EXPECT_EQ(after.policy, before.policy);
    EXPECT_EQ(::getpriority(PRIO_PROCESS, 0), nice);
  });
}

TEST(PromptThread, WhoWasToldToRunInTheBackgroundDoes) {
  on_a_thread([] {
    const sched_param none{};
    if (::sched_setscheduler(0, SCHED_BATCH, &none) != 0) GTEST_SKIP() << "not allowed";
    const Seen before = look();
    run_promptly();
    EXPECT_EQ(look().policy, before.policy);
    EXPECT_EQ(look().runtime_ns, before.runtime_ns);
  });
}

}  // namespace
}  // namespace mlops
