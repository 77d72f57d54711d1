#pragma once
// Where the process is in its life, as far as clients may know. Any thread.

#include <array>
#include <atomic>
#include <cstdint>
#include <string_view>

#include "engine/engine.h"
#include "engine/repository_control.h"

namespace mlops {

// Why a server that could answer should get no requests for now.
enum class Trouble : std::uint8_t { memory, disk, stuck };
inline constexpr std::size_t kTroubleCount = 3;

constexpr std::string_view trouble_name(Trouble trouble) {
  constexpr std::array<std::string_view, kTroubleCount> kNames = {"memory", "disk", "stuck"};
  return kNames[static_cast<std::size_t>(trouble)];
}

class ServingState {
 public:
  void set_loaded() { loaded_.store(true, std::memory_order_release); }
  void set_draining() { draining_.store(true, std::memory_order_release); }
  // Before the first connection. Null: there is none.
  void watch(const RepositoryControl* repository) { repository_ = repository; }
  bool draining() const { return draining_.load(std::memory_order_acquire); }
  void set_trouble(Trouble trouble, bool there) {
    troubles_[static_cast<std::size_t>(trouble)].store(there, std::memory_order_release);
  }
  bool has_trouble(Trouble trouble) const {
    return troubles_[static_cast<std::size_t>(trouble)].load(std::memory_order_acquire);
  }

  // Everything that was asked for at start has been tried, the engine has all of it, no shutdown,
  // no trouble.
  bool ready(const Engine& engine) const {
    for (const auto& trouble : troubles_) {
      if (trouble.load(std::memory_order_acquire)) return false;
    }
    return loaded_.load(std::memory_order_acquire) && !draining() && engine.ready() &&
           (!repository_ || repository_->ready());
  }

 private:
  const RepositoryControl* repository_ = nullptr;
  std::atomic<bool> loaded_{false};
  std::atomic<bool> draining_{false};
  std::array<std::atomic<bool>, kTroubleCount> troubles_{};
};

}  // namespace mlops
