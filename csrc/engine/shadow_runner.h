#pragma once
// Runs shadows: one request at a time, on a thread of its own with a low priority, after the
// primary has been answered, and only while there is idle capacity. What waits is bounded in number
// and in bytes; what is too much or comes at a bad time is dropped and counted. A primary never
// waits for any of it. Thread-safe. stop() waits for the request that runs.

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

#include "base/clock.h"
#include "engine/servable.h"
#include "model/catalog.h"
#include "route/shadow_sink.h"
#include "tensor/copy_meter.h"

namespace mlops {

class ShadowRunner final : public ShadowSink {
 public:
  static constexpr std::size_t kWaitingMax = 64;
  static constexpr std::size_t kBytesMax = std::size_t{64} << 20;
  struct Parts {
    const Catalog<Servable>& catalog;
    const Clock& clock;
    CopyMeter& copies;
    // Whether primaries of this model leave something idle now.
    std::function<bool(const std::string& model)> has_slack;
  };

  explicit ShadowRunner(Parts parts) : parts_(std::move(parts)) {}
  ~ShadowRunner() override { stop(); }

  void start();   // idempotent
  void refuse();  // takes no more and drops what waits
  void stop();    // and waits for the request that runs; idempotent

  bool has_room() const noexcept override {
    return waiting_.load(std::memory_order_relaxed) < kWaitingMax;
  }
  void offer(ShadowJob&& job) noexcept override;

 private:
  void run();
  void run_one(ShadowJob job);
  bool own_inputs(Request& request) const;

  const Parts parts_;
  std::atomic<std::size_t> waiting_{0};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<ShadowJob> jobs_;  // guarded by mutex_
  std::size_t bytes_ = 0;       // guarded by mutex_: of their tensors
  bool stopping_ = false;       // guarded by mutex_
  std::thread thread_;          // guarded by mutex_ until it is joined
};

}  // namespace mlops
