#include "execute/division_guard.h"

#include <atomic>

#if defined(__x86_64__) && defined(__linux__)

#include <elf.h>
#include <link.h>
#include <signal.h>
#include <ucontext.h>

#include <array>
#include <mutex>
#include <optional>

#include "execute/division_decoder.h"

namespace mlops {
namespace {

// A handler finds no context but the process: these are its state. Segments are only ever added,
// the end of one last, so that a handler on another thread sees it whole or not at all.
struct Segment {
  std::atomic<std::uintptr_t> begin{0};
  std::atomic<std::uintptr_t> end{0};
};
std::array<Segment, 8> g_segments;
std::atomic<std::uint64_t> g_refused{0};
thread_local volatile std::uint64_t t_refused = 0;
struct sigaction g_before;

bool is_guarded(std::uintptr_t address) {
  for (const Segment& segment : g_segments) {
    const std::uintptr_t end = segment.end.load(std::memory_order_acquire);
    if (address < end && address >= segment.begin.load(std::memory_order_relaxed)) return true;
  }
  return false;
}

// The quotient in rax (al), the remainder in rdx (ah): both zero, in the width of the division.
void give_zero(gregset_t& registers, DivisionWidth width) {
  constexpr greg_t kLow16 = 0xffff;
  switch (width) {
    case DivisionWidth::byte:
      registers[REG_RAX] &= ~kLow16;
      return;
    case DivisionWidth::word:
      registers[REG_RAX] &= ~kLow16;
      registers[REG_RDX] &= ~kLow16;
      return;
    case DivisionWidth::wide:
      registers[REG_RAX] = 0;
      registers[REG_RDX] = 0;
  }
}

void hand_on(int signal, siginfo_t* info, void* context) {
  if ((g_before.sa_flags & SA_SIGINFO) != 0) {
    g_before.sa_sigaction(signal, info, context);
  } else if (g_before.sa_handler != SIG_DFL && g_before.sa_handler != SIG_IGN) {
    g_before.sa_handler(signal);
  } else {
    // Returning runs the instruction again, and the kernel then does what it does by default.
    sigaction(signal, &g_before, nullptr);
  }
}

void on_arithmetic_fault(int signal, siginfo_t* info, void* context) {
  gregset_t& registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
  const auto at = static_cast<std::uintptr_t>(registers[REG_RIP]);
  if (info->si_code == FPE_INTDIV && is_guarded(at)) {
    if (const auto division = decode_division(reinterpret_cast<const unsigned char*>(at))) {
      give_zero(registers, division->width);
      registers[REG_RIP] += static_cast<greg_t>(division->size);
      t_refused = t_refused + 1;
      g_refused.fetch_add(1, std::memory_order_relaxed);
      return;
    }
  }
  hand_on(signal, info, context);
}

struct Search {
  std::uintptr_t code = 0;
  std::uintptr_t begin = 0;
  std::uintptr_t end = 0;
};

int look_in_object(dl_phdr_info* object, std::size_t, void* data) {
  auto& search = *static_cast<Search*>(data);
  for (int i = 0; i < object->dlpi_phnum; ++i) {
    const ElfW(Phdr)& header = object->dlpi_phdr[i];
    if (header.p_type != PT_LOAD || (header.p_flags & PF_X) == 0) continue;
    const std::uintptr_t begin = object->dlpi_addr + header.p_vaddr;
    if (search.code < begin || search.code >= begin + header.p_memsz) continue;
    search.begin = begin;
    search.end = begin + header.p_memsz;
    return 1;
  }
  return 0;
}

bool install_locked() {
  static bool installed = false;
  if (installed) return true;
  struct sigaction action {};
  action.sa_sigaction = on_arithmetic_fault;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigemptyset(&action.sa_mask);
  installed = sigaction(SIGFPE, &action, &g_before) == 0;
  return installed;
}

}  // namespace

bool guard_divisions(const void* code) {
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  Search search;
  search.code = reinterpret_cast<std::uintptr_t>(code);
  if (is_guarded(search.code)) return true;
  if (dl_iterate_phdr(look_in_object, &search) == 0 || !install_locked()) return false;
  for (Segment& segment : g_segments) {
    if (segment.end.load(std::memory_order_relaxed) != 0) continue;
    segment.begin.store(search.begin, std::memory_order_relaxed);
    segment.end.store(search.end, std::memory_order_release);
    return true;
  }
  return false;
}

// Reading the thread's counter before the run also makes it exist before the handler needs it.
std::uint64_t DivisionWatch::count() const {
  if (scope_ == Scope::this_thread) return t_refused;
  return g_refused.load(std::memory_order_relaxed);
}

}  // namespace mlops

#else

namespace mlops {

bool guard_divisions(const void*) { return true; }
std::uint64_t DivisionWatch::count() const { return 0; }

}  // namespace mlops

#endif

namespace mlops {

DivisionWatch::DivisionWatch(Scope scope) : scope_(scope), before_(count()) {}
bool DivisionWatch::refused_any() const { return count() != before_; }

}  // namespace mlops
