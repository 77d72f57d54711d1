#include "admin/last_words.h"

#include <atomic>
#include <chrono>
#include <cstdlib>

namespace mlops {
namespace {

constexpr auto kLastWordsPatience = std::chrono::seconds(1);

// A terminate handler has no argument.
std::atomic<LogLines*> last_log{nullptr};
std::atomic<std::terminate_handler> next_handler{nullptr};

[[noreturn]] void write_and_end() {
  if (LogLines* log = last_log.exchange(nullptr)) (void)log->flush_at_end(kLastWordsPatience);
  if (const std::terminate_handler next = next_handler.load()) next();
  std::abort();
}

}  // namespace

LastWords::LastWords(LogLines& log) : before_(std::get_terminate()) {
  next_handler.store(before_);
  last_log.store(&log);
  std::set_terminate(write_and_end);
}

LastWords::~LastWords() {
  std::set_terminate(before_);
  last_log.store(nullptr);
}

}  // namespace mlops
