// A graph that never ends neither blocks loading nor takes the engine with it.

#include <gtest/gtest.h>

#include "support/loaded_engine.h"

namespace mlops::testing {
namespace {

// Runs until it is interrupted.
class EndlessBackend final : public Backend {
 public:
  const Signature& signature() const override { return signature_; }
  std::string_view platform() const override { return "endless"; }
  Result<std::unique_ptr<Executor>> make_executor() override {
    return std::unique_ptr<Executor>(std::make_unique<EndlessExecutor>());
  }

 private:
  class EndlessExecutor final : public Executor {
   public:
    Status run(std::span<const Tensor>, std::span<OutputSlot>) override {
      std::unique_lock lock(mutex_);
      interrupted_.wait(lock, [this] { return stop_; });
      return Status::cancelled("interrupted");
    }
    void interrupt() override {
      const std::lock_guard lock(mutex_);
      stop_ = true;
      interrupted_.notify_all();
    }

   private:
    std::mutex mutex_;
    std::condition_variable interrupted_;
    bool stop_ = false;
  };

  Signature signature_ = echo_signature();
};

TEST(EndlessModel, IsRefusedAtLoadAndNeverPublished) {
  EngineOptions options;
  options.trial_run_ms_max = 20;
  LoadedEngine loaded(options);
  const Status status =
      loaded.engine->load(LoadedEngine::source("m"), std::make_unique<EndlessBackend>());
  EXPECT_EQ(status.code(), Code::invalid_argument);
  EXPECT_NE(status.message().find("trial runs within 20 ms"), std::string::npos);
  EXPECT_EQ(loaded.engine->infer(request_for("m", float_rows(1, 1))).status.code(),
            Code::not_found);
  EXPECT_FALSE(loaded.engine->ready());
}

}  // namespace
}  // namespace mlops::testing
