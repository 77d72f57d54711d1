#include "net/mailbox.h"

#include <sys/eventfd.h>

#include <cstdint>

namespace mlops {

Mailbox::Mailbox() : event_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}

// Sequential consistency pairs two orders: sender "push, then read asleep_", loop "write asleep_,
// then read newest_". One of the two sees the other, so no letter is left behind a sleeping loop.
void Mailbox::post(Letter* letter) noexcept {
  Letter* newest = newest_.load();
  do {
    letter->next_ = newest;
  } while (!newest_.compare_exchange_weak(newest, letter));
  if (asleep_.load() && asleep_.exchange(false)) signal();
}

void Mailbox::wake() noexcept {
  woken_.store(true);
  if (asleep_.load() && asleep_.exchange(false)) signal();
}

bool Mailbox::prepare_sleep() {
  asleep_.store(true);
  if (newest_.load() == nullptr && !woken_.load()) return true;
  awake();
  return false;
}

void Mailbox::awake() {
  asleep_.store(false);
  woken_.store(false);
}

std::size_t Mailbox::open_all() {
  if (newest_.load(std::memory_order_relaxed) == nullptr) return 0;
  Letter* letter = newest_.exchange(nullptr);
  Letter* oldest = nullptr;
  while (letter) {
    Letter* older = letter->next_;
    letter->next_ = oldest;
    oldest = letter;
    letter = older;
  }
  std::size_t count = 0;
  while (oldest) {
    Letter* following = oldest->next_;  // open() may end the letter's life
    oldest->open();
    oldest = following;
    ++count;
  }
  return count;
}

void Mailbox::drain_event() {
  std::uint64_t count = 0;
  [[maybe_unused]] const ssize_t size = ::read(event_.get(), &count, sizeof count);
}

void Mailbox::signal() noexcept {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t size = ::write(event_.get(), &one, sizeof one);
}

}  // namespace mlops
