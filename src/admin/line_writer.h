#pragma once
// Lines for a descriptor whose reader may be slow, or gone: a thread of its own writes them, so
// that nobody who has something to say waits for who reads it.
//
// What there is no memory for is counted by its level, and told of in a line where it is missing,
// as soon as there is room again. Thread-safe; only the flushes, and the end, wait.

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "net/fd.h"

namespace mlops {

enum class LineLevel : std::uint8_t { verbose, info, warning, error };
inline constexpr std::size_t kLineLevels = 4;

// Lines that nobody will read, by level.
using LostLines = std::array<std::uint64_t, kLineLevels>;

// What the owner of the lines is asked and told. Called with a lock held, on any thread, never
// after the LineWriter has gone: must be quick, and must not come back to it.
struct LineTeller {
  // The line about those that were lost.
  std::function<std::string(const LostLines&)> lost;
  // Lines begin to be lost, for this reason, or (empty) are written again. May be null.
  std::function<void(const std::string& why)> changed = nullptr;
};

class LineWriter {
 public:
  // `fd` is not owned.
  LineWriter(int fd, std::size_t bytes_max, LineTeller teller);
  // Writes what is there, for at most a second.
  ~LineWriter();
  LineWriter(const LineWriter&) = delete;
  LineWriter& operator=(const LineWriter&) = delete;

  // `line` ends with a newline. Warnings and errors find room when there is none for the others.
  void add(LineLevel level, std::string&& line);
  // Writes into `file` from now on; without one, to the descriptor again.
  void use(Fd file);
  // Until everything that was added is written, or lost; false: not within `patience`.
  bool flush(std::chrono::milliseconds patience);
  // The same for a process that is ending badly: also when a thread that will never go on, perhaps
  // the caller, holds the lock.
  bool flush_at_end(std::chrono::milliseconds patience) noexcept;
  std::uint64_t lost() const;  // since the beginning

 private:
  class Lines;

  // Shared with the thread, which is left behind when it is stuck in a write.
  const std::shared_ptr<Lines> lines_;
  std::thread thread_;
};

}  // namespace mlops
