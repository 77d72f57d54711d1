// Divisions that the processor refuses, in guarded code and elsewhere.

#include "execute/division_guard.h"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <csignal>
#include <thread>
#include <vector>

#include "execute/division_decoder.h"

namespace mlops::testing {
namespace {

using Bytecode = std::vector<unsigned char>;

void expect_division(const Bytecode& code, DivisionWidth width) {
  const auto division = decode_division(code.data());
  ASSERT_TRUE(division);
  EXPECT_EQ(division->size, code.size());
  EXPECT_EQ(division->width, width);
}

// Bytes as an assembler writes them.
TEST(DivisionDecoder, KnowsEveryFormOfOperand) {
  expect_division({0xf7, 0xf9}, DivisionWidth::wide);                    // idiv ecx
  expect_division({0x48, 0xf7, 0xf9}, DivisionWidth::wide);              // idiv rcx
  expect_division({0x41, 0xf7, 0xf0}, DivisionWidth::wide);              // div r8d
  expect_division({0x66, 0xf7, 0xf9}, DivisionWidth::word);              // idiv cx
  expect_division({0xf6, 0xf9}, DivisionWidth::byte);                    // idiv cl
  expect_division({0xf7, 0x3e}, DivisionWidth::wide);                    // idiv [rsi]
  expect_division({0xf7, 0x7e, 0x08}, DivisionWidth::wide);              // idiv [rsi+8]
  expect_division({0x49, 0xf7, 0x7c, 0xd5, 0x00}, DivisionWidth::wide);  // idiv [r13+rdx*8]
  expect_division({0xf7, 0x3c, 0x24}, DivisionWidth::wide);              // idiv [rsp]
  expect_division({0xf7, 0x3c, 0x8d, 0, 1, 0, 0}, DivisionWidth::wide);  // idiv [rcx*4+256]
  expect_division({0xf7, 0x3d, 0, 1, 0, 0}, DivisionWidth::wide);        // idiv [rip+256]
  expect_division({0x48, 0xf7, 0xbc, 0xd1, 0, 1, 0, 0},
                  DivisionWidth::wide);  // idiv [rcx+rdx*8+256]
  expect_division({0x66, 0x41, 0xf7, 0xb9, 0, 1, 0, 0}, DivisionWidth::word);  // idiv word [r9+256]
}

TEST(DivisionDecoder, LeavesOtherInstructionsAlone) {
  for (const Bytecode& code : {Bytecode{0xf7, 0xd9},           // neg ecx
                               Bytecode{0xf7, 0xe1},           // mul ecx
                               Bytecode{0xf6, 0xc1, 0x01},     // test cl, 1
                               Bytecode{0x48, 0x89, 0xc8},     // mov rax, rcx
                               Bytecode{0x9b, 0xd9, 0xf9}}) {  // an x87 instruction
    EXPECT_FALSE(decode_division(code.data()));
  }
}

#if defined(__x86_64__) && defined(__linux__)

// Not in C++: there it is undefined, and a sanitizer says so before the processor does.
__attribute__((noinline)) std::pair<std::int64_t, std::int64_t> divide(std::int64_t number,
                                                                       std::int64_t by) {
  std::int64_t rest = number >> 63;
  asm volatile("idivq %2" : "+a"(number), "+d"(rest) : "r"(by));
  return {number, rest};
}

TEST(DivisionGuard, UnguardedCodeStillEndsTheProcess) {
  // By the signal, or by a sanitizer that takes it, names it and exits.
  const auto by_sigfpe = [](int status) {
    return ::testing::KilledBySignal(SIGFPE)(status) ||
           (WIFEXITED(status) && WEXITSTATUS(status) != 0);
  };
  EXPECT_EXIT(divide(1, 0), by_sigfpe, "^$|FPE");
}

TEST(DivisionGuard, GuardedDivisionsGiveZeroAndAreCounted) {
  ASSERT_TRUE(guard_divisions(reinterpret_cast<const void*>(&divide)));
  ASSERT_TRUE(guard_divisions(reinterpret_cast<const void*>(&divide)));  // again: nothing new
  const DivisionWatch here(DivisionWatch::Scope::this_thread);
  EXPECT_EQ(divide(17, 5), (std::pair<std::int64_t, std::int64_t>(3, 2)));
  EXPECT_FALSE(here.refused_any());
  EXPECT_EQ(divide(17, 0), (std::pair<std::int64_t, std::int64_t>(0, 0)));
  EXPECT_EQ(divide(INT64_MIN, -1), (std::pair<std::int64_t, std::int64_t>(0, 0)));
  EXPECT_TRUE(here.refused_any());
}

TEST(DivisionGuard, ADivisionOnAnotherThreadIsNotThisThreads) {
  ASSERT_TRUE(guard_divisions(reinterpret_cast<const void*>(&divide)));
  const DivisionWatch here(DivisionWatch::Scope::this_thread);
  const DivisionWatch anywhere(DivisionWatch::Scope::all_threads);
  std::thread([] { divide(1, 0); }).join();
  EXPECT_FALSE(here.refused_any());
  EXPECT_TRUE(anywhere.refused_any());
}

// In a child: the handlers of this process stay as they are.
TEST(DivisionGuard, OtherFaultsGoToTheHandlerThatWasThere) {
  EXPECT_EXIT(
      {
        std::signal(SIGFPE, [](int) { std::_Exit(7); });
        if (guard_divisions(reinterpret_cast<const void*>(&divide))) std::raise(SIGFPE);
      },
      ::testing::ExitedWithCode(7), "");
}

#endif

}  // namespace
}  // namespace mlops::testing
