#pragma once
// The routes of all models: one immutable snapshot, swapped as a whole. A change is in force for
// the next request of every thread.
//
// Reading writes nothing that others see: a thread keeps a reference to the snapshot that it read
// last and compares a number; only the first read after a change takes the lock. So a snapshot
// lives until every thread that read it has read a later one, or has ended.

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "route/route_table.h"

namespace mlops {

class RouteBook {
 public:
  // `sink` runs the shadows of its routes; null: nothing does.
  explicit RouteBook(std::shared_ptr<ShadowSink> sink = nullptr);

  // Null: the model has no route. Valid until this thread's next find() of any book.
  const RouteTable* find(std::string_view model) const {
    const Snapshot& snapshot = current();
    if (snapshot.empty()) return nullptr;
    const auto found = snapshot.find(model);
    return found == snapshot.end() ? nullptr : found->second.get();
  }

  // To keep.
  std::shared_ptr<const RouteTable> table(std::string_view model) const;
  std::vector<std::pair<std::string, std::shared_ptr<const RouteTable>>> all() const;

  // Replaces the model's route, if it has one.
  Result<std::shared_ptr<const RouteTable>> set(const std::string& model, RoutePlan plan);
  // False: it had none.
  bool remove(std::string_view model);

 private:
  struct NameHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view name) const {
      return std::hash<std::string_view>()(name);
    }
  };
  using Snapshot =
      std::unordered_map<std::string, std::shared_ptr<const RouteTable>, NameHash, std::equal_to<>>;
  struct Held {
    std::uint64_t generation = 0;
    std::shared_ptr<const Snapshot> snapshot;
  };

  const Snapshot& current() const {
    thread_local Held held;
    if (held.generation != generation_.load(std::memory_order_acquire)) [[unlikely]] {
      hold(held);
    }
    return *held.snapshot;
  }
  void hold(Held& held) const;
  void publish_locked(Snapshot snapshot);

  const std::shared_ptr<ShadowSink> sink_;
  // Of the snapshot; no two snapshots of a process, whatever the book, have the same.
  std::atomic<std::uint64_t> generation_;
  mutable std::mutex mutex_;
  std::shared_ptr<const Snapshot> snapshot_;  // guarded by mutex_
};

// A random number for what has no unit of its own; cheap, any thread.
std::uint64_t route_draw();

}  // namespace mlops
