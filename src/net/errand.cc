#include "net/errand.h"

namespace mlops {

void Errand::run() noexcept {
  work();
  add_ref();  // until open()
  turn_.mailbox.post(this);
}

void Errand::open() noexcept {
  done_ = true;
  if (owner_) owner_->errand_done(*this);
  drop_ref();
}

ErrandRunner::ErrandRunner(unsigned threads, std::size_t waiting_max) : waiting_max_(waiting_max) {
  for (unsigned i = 0; i < threads; ++i) threads_.emplace_back([this] { loop(); });
}

bool ErrandRunner::take(Ref<Errand> errand) {
  const std::lock_guard lock(mutex_);
  if (stopping_ || waiting_.size() >= waiting_max_) return false;
  waiting_.push_back(std::move(errand));
  changed_.notify_one();
  return true;
}

void ErrandRunner::stop() {
  std::deque<Ref<Errand>> forgotten;  // goes after the lock
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    forgotten.swap(waiting_);
    changed_.notify_all();
  }
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void ErrandRunner::loop() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    if (stopping_) return;
    const Ref<Errand> errand = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    errand->run();
    lock.lock();
  }
}

}  // namespace mlops
