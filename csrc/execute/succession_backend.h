#pragma once
// A back end that another one takes over from while it serves. Each executor goes over at its next
// run, on the thread that runs it, so that no run waits and none is lost; what it had before is
// freed there.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "execute/backend.h"

namespace mlops {

class SuccessionExecutor;

// Thread-safe. Shared by the back end that serves and by whoever looks for a better one, so that
// the first back end is there as long as either is.
class Succession {
 public:
  explicit Succession(std::shared_ptr<Backend> first) : current_(first), first_(std::move(first)) {}

  // The back end at the beginning; null once it has been succeeded.
  std::shared_ptr<Backend> first() const;
  std::shared_ptr<Backend> current() const;
  // Makes an executor of `next` for each that there is, has `prepare` try it, and only then lets
  // them take over. On failure nothing has changed. Blocks for as long as that takes; nobody who
  // runs does. `next` has the signature of the first, and answers as it does. At most once.
  Status pass_to(std::shared_ptr<Backend> next, const std::function<void(Executor&)>& prepare);
  // How often another took over.
  std::uint32_t passed() const { return passed_.load(std::memory_order_relaxed); }

 private:
  friend class SuccessionExecutor;
  friend class SuccessionBackend;

  Result<std::unique_ptr<Executor>> make_executor(const std::shared_ptr<Succession>& self);

  mutable std::mutex mutex_;
  std::shared_ptr<Backend> current_;            // guarded by mutex_
  std::shared_ptr<Backend> first_;              // guarded by mutex_
  std::vector<SuccessionExecutor*> executors_;  // guarded by mutex_: all that there are
  std::atomic<std::uint32_t> passed_{0};
};

std::unique_ptr<Backend> make_succession_backend(std::shared_ptr<Succession> succession);

}  // namespace mlops
