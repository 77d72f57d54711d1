#include "engine/retirement.h"

#include <algorithm>
#include <chrono>
#include <vector>

namespace mlops {

Retirement::Retirement(Duration grace) : grace_(grace), thread_([this] { loop(); }) {}

Retirement::~Retirement() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void Retirement::add(std::shared_ptr<Servable> version) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(version));
  }
  changed_.notify_one();
}

std::vector<std::pair<std::string, std::int64_t>> Retirement::left() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::pair<std::string, std::int64_t>> names;
  for (const auto& version : waiting_) {
    names.emplace_back(version->info().name, version->info().version);
  }
  return names;
}

bool Retirement::wait_gone(const std::string& name, TimePoint deadline) const {
  std::unique_lock lock(mutex_);
  return gone_.wait_until(lock, deadline, [&] {
    return std::ranges::none_of(waiting_,
                                [&](const auto& version) { return version->info().name == name; });
  });
}

TimePoint Retirement::expire(TimePoint now) {
  std::unique_lock lock(mutex_);
  const std::vector<std::shared_ptr<Servable>> versions(waiting_.begin(), waiting_.end());
  lock.unlock();
  TimePoint next = kNever;
  for (const auto& version : versions) next = std::min(next, version->expire(now));
  return next;
}

void Retirement::retire(Servable& version) {
  // In slices, so that the end of the process does not wait for the whole grace.
  constexpr auto kSlice = std::chrono::milliseconds(100);
  const TimePoint give_up = std::chrono::steady_clock::now() + grace_;
  for (;;) {
    const TimePoint now = std::chrono::steady_clock::now();
    if (version.drain(std::min(give_up, now + kSlice)) || now >= give_up) break;
    const std::lock_guard lock(mutex_);
    if (stopping_) break;
  }
  version.stop();
}

void Retirement::loop() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    std::shared_ptr<Servable> version = waiting_.front();
    lock.unlock();
    retire(*version);
    lock.lock();
    waiting_.pop_front();
    lock.unlock();
    version = nullptr;  // the last reference may be here
    gone_.notify_all();
    lock.lock();
  }
}

}  // namespace mlops
