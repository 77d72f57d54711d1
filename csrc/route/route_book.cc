#include "route/route_book.h"

#include <algorithm>

namespace mlops {
namespace {

std::uint64_t next_generation() {
  static std::atomic<std::uint64_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

}  // namespace

RouteBook::RouteBook(std::shared_ptr<ShadowSink> sink)
    : sink_(std::move(sink)),
      generation_(next_generation()),
      snapshot_(std::make_shared<const Snapshot>()) {}

void RouteBook::hold(Held& held) const {
  std::shared_ptr<const Snapshot> old = std::move(held.snapshot);  // goes without the lock
  const std::lock_guard lock(mutex_);
  held = {generation_.load(std::memory_order_relaxed), snapshot_};
}

void RouteBook::publish_locked(Snapshot snapshot) {
  snapshot_ = std::make_shared<const Snapshot>(std::move(snapshot));
  generation_.store(next_generation(), std::memory_order_release);
}

std::shared_ptr<const RouteTable> RouteBook::table(std::string_view model) const {
  const std::lock_guard lock(mutex_);
  const auto found = snapshot_->find(model);
  return found == snapshot_->end() ? nullptr : found->second;
}

std::vector<std::pair<std::string, std::shared_ptr<const RouteTable>>> RouteBook::all() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::pair<std::string, std::shared_ptr<const RouteTable>>> all(snapshot_->begin(),
                                                                             snapshot_->end());
  std::ranges::sort(all, {}, [](const auto& entry) { return entry.first; });
  return all;
}

Result<std::shared_ptr<const RouteTable>> RouteBook::set(const std::string& model, RoutePlan plan) {
  const std::lock_guard lock(mutex_);
  const auto before = snapshot_->find(model);
  Result<std::shared_ptr<const RouteTable>> table = RouteTable::make(
      std::move(plan), before == snapshot_->end() ? nullptr : before->second.get(), sink_);
  if (!table.ok()) return table;
  Snapshot next = *snapshot_;
  next[model] = *table;
  publish_locked(std::move(next));
  return table;
}

bool RouteBook::remove(std::string_view model) {
  const std::lock_guard lock(mutex_);
  Snapshot next = *snapshot_;
  const auto found = next.find(model);
  if (found == next.end()) return false;
  next.erase(found);
  publish_locked(std::move(next));
  return true;
}

// SplitMix64 from where this thread's address and order happen to put it.
std::uint64_t route_draw() {
  thread_local std::uint64_t state = next_generation() * 0x9e3779b97f4a7c15U;
  state += 0x9e3779b97f4a7c15U;
  std::uint64_t mixed = state;
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9U;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebU;
  return mixed ^ (mixed >> 31);
}

}  // namespace mlops
