#include "loadgen/load_loop.h"

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <string>

namespace mlops::loadgen {
namespace {

// There is something to read at once, and it is the end.
class ClosedAtOnce final : public Connection {
 public:
  ClosedAtOnce() : fd_(::eventfd(1, EFD_CLOEXEC)) {}
  ~ClosedAtOnce() override { ::close(fd_); }
  int fd() const override { return fd_; }
  void start(std::size_t, std::size_t) override {}
  bool receive() override { return false; }
  bool deliver(ReplySink&) override { return false; }
  bool flush() override { return true; }
  bool wants_write() const override { return false; }

 private:
  const int fd_;
};

TEST(LoadLoop, AServerThatGoesAwayVoidsTheRunAndEndsIt) {
  int opened = 0;
  LoadLoop loop({.connections = 4, .streams = 2}, [&](std::size_t) -> std::unique_ptr<Connection> {
    if (++opened > 4) return nullptr;
    return std::make_unique<ClosedAtOnce>();
  });
  ASSERT_EQ(loop.connect(), "");
  Recorder recorder({false, steady_now_ns(), 0, 1'000'000'000, 1}, [] { return CpuSample{}; });
  Dispatcher dispatcher(8, 1, std::nullopt, recorder);
  EXPECT_EQ(loop.run(dispatcher, recorder).rfind("cannot reconnect", 0), 0U);
}

}  // namespace
}  // namespace mlops::loadgen
