#include "execute/pause.h"

#include <condition_variable>
#include <mutex>

namespace mlops {
namespace {

class RealPause final : public Pause {
 public:
  void pass(Duration time, const std::stop_token& stop) override {
    std::mutex mutex;
    std::condition_variable_any never;
    std::unique_lock lock(mutex);
    never.wait_for(lock, stop, time, [] { return false; });
  }
};

}  // namespace

std::shared_ptr<Pause> real_pause() { return std::make_shared<RealPause>(); }

}  // namespace mlops
