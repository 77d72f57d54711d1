#pragma once
// What was logged before an exception that nobody catches is written before it ends the process.

#include <exception>

#include "admin/log_lines.h"

namespace mlops {

// One at a time in a process, made and gone while no other thread can fail; `log` must outlive it.
class LastWords {
 public:
  explicit LastWords(LogLines& log);
  ~LastWords();
  LastWords(const LastWords&) = delete;
  LastWords& operator=(const LastWords&) = delete;

 private:
  const std::terminate_handler before_;
};

}  // namespace mlops
