#include "execute/succession_backend.h"

#include <algorithm>
#include <string>
#include <utility>

namespace mlops {

// Guarded by the succession's mutex, but for reading what runs from the thread that runs it: only
// that thread exchanges it.
class SuccessionExecutor final : public Executor {
 public:
  // The executor goes before its back end.
  struct Held {
    std::shared_ptr<Backend> backend;
    std::unique_ptr<Executor> executor;
  };

  SuccessionExecutor(std::shared_ptr<Succession> succession, Held held)
      : succession_(std::move(succession)), held_(std::move(held)) {}

  ~SuccessionExecutor() override {
    const std::lock_guard lock(succession_->mutex_);
    std::erase(succession_->executors_, this);
  }

  Status run(std::span<const Tensor> inputs, std::span<OutputSlot> outputs) override {
    if (has_next_.load(std::memory_order_acquire)) take_over();
    return held_.executor->run(inputs, outputs);
  }

  void interrupt() override {
    const std::lock_guard lock(succession_->mutex_);
    interrupted_ = true;
    held_.executor->interrupt();
  }

  void give_locked(Held next) {
    next_ = std::move(next);
    has_next_.store(true, std::memory_order_release);
  }

 private:
  void take_over() {
    Held before;  // freed outside the lock
    const std::lock_guard lock(succession_->mutex_);
    before = std::exchange(held_, std::move(next_));
    has_next_.store(false, std::memory_order_relaxed);
    if (interrupted_) held_.executor->interrupt();
  }

  const std::shared_ptr<Succession> succession_;
  Held held_;
  Held next_;
  std::atomic<bool> has_next_{false};
  bool interrupted_ = false;
};

class SuccessionBackend final : public Backend {
 public:
  explicit SuccessionBackend(std::shared_ptr<Succession> succession)
      : succession_(std::move(succession)),
        signature_(succession_->first()->signature()),
        platform_(succession_->first()->platform()),
        spread_(succession_->first()->answer_spread()) {}

  const Signature& signature() const override { return signature_; }
  std::string_view platform() const override { return platform_; }
  double answer_spread() const override { return spread_; }
  std::uint32_t passed() const override { return succession_->passed(); }
  std::optional<std::uint64_t> runs_set_aside() const override {
    return succession_->current()->runs_set_aside();
  }
  Result<std::unique_ptr<Executor>> make_executor() override {
    return succession_->make_executor(succession_);
  }

 private:
  const std::shared_ptr<Succession> succession_;
  const Signature signature_;
  const std::string platform_;
  const double spread_;
};

std::shared_ptr<Backend> Succession::first() const {
  const std::lock_guard lock(mutex_);
  return first_;
}

std::shared_ptr<Backend> Succession::current() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

Result<std::unique_ptr<Executor>> Succession::make_executor(
    const std::shared_ptr<Succession>& self) {
  for (;;) {
    std::unique_lock lock(mutex_);
    const std::shared_ptr<Backend> backend = current_;
    lock.unlock();
    Result<std::unique_ptr<Executor>> made = backend->make_executor();
    if (!made.ok()) return made;
    auto executor = std::make_unique<SuccessionExecutor>(
        self, SuccessionExecutor::Held{backend, *std::move(made)});
    lock.lock();
    if (backend != current_) {  // another took over meanwhile
      lock.unlock();
      continue;
    }
    executors_.push_back(executor.get());
    return std::unique_ptr<Executor>(std::move(executor));
  }
}

Status Succession::pass_to(std::shared_ptr<Backend> next,
                           const std::function<void(Executor&)>& prepare) {
  std::vector<std::unique_ptr<Executor>> made;
  std::shared_ptr<Backend> before;
  for (;;) {
    {
      const std::lock_guard lock(mutex_);
      if (made.size() >= executors_.size()) {
        for (SuccessionExecutor* executor : executors_) {
          executor->give_locked({next, std::move(made.back())});
          made.pop_back();
        }
        before = std::exchange(first_, nullptr);
        current_ = std::move(next);
        passed_.fetch_add(1, std::memory_order_relaxed);
        return {};
      }
    }
    Result<std::unique_ptr<Executor>> one = next->make_executor();
    if (!one.ok()) return one.status();
    prepare(**one);
    made.push_back(*std::move(one));
  }
}

std::unique_ptr<Backend> make_succession_backend(std::shared_ptr<Succession> succession) {
  return std::make_unique<SuccessionBackend>(std::move(succession));
}

}  // namespace mlops
