#pragma once
// An errand that works when the test lets it, and tells on which thread it did: holds a runner's
// thread for as long as a test needs it held.

#include <future>
#include <thread>
#include <utility>
#include <vector>

#include "net/errand.h"

namespace mlops::testing {

class ErrandOwnerDouble final : public ErrandOwner {
 public:
  std::vector<Errand*> done;

 private:
  void errand_done(Errand& errand) noexcept override { done.push_back(&errand); }
};

class GatedErrand final : public Errand {
 public:
  GatedErrand(ErrandOwner& owner, Turn& turn, std::shared_future<void> gate)
      : Errand(owner, turn), gate_(std::move(gate)) {}
  std::promise<std::thread::id> worked;

 private:
  void work() noexcept override {
    gate_.wait();
    worked.set_value(std::this_thread::get_id());
  }
  std::shared_future<void> gate_;
};

}  // namespace mlops::testing
