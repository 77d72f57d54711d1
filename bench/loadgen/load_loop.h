// The client's event loop: one thread, epoll, every connection, until the recorder has its windows.
//
// Bounded in time always: warm-up and windows by the recorder, then at most `drain_ns` for what an
// open loop still has outstanding. A request without a reply after `timeout_ns` is a time-out and
// its connection is replaced.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "loadgen/connection.h"
#include "loadgen/dispatcher.h"
#include "loadgen/recorder.h"

namespace mlops::loadgen {

std::int64_t steady_now_ns();

struct LoopOptions {
  std::size_t connections = 1;
  std::size_t streams = 1;
  std::int64_t timeout_ns = 5'000'000'000;
  std::int64_t drain_ns = 2'000'000'000;
  bool spin =
      false;  // poll instead of sleeping: the client's own wake-ups leave the measured latency
};

class LoadLoop final : public ReplySink {
 public:
  // Opens connection i, whose slots are i * streams ... ; nullptr when the server cannot be
  // reached.
  using Open = std::function<std::unique_ptr<Connection>(std::size_t index)>;

  LoadLoop(const LoopOptions& options, Open open);
  ~LoadLoop() override;

  // Connects before the schedule starts. An empty string, or why not.
  std::string connect();
  // Runs to the end; afterwards the recorder holds the result. An empty string, or why the run is
  // void.
  std::string run(Dispatcher& dispatcher, Recorder& recorder);

  double busy_s() const { return static_cast<double>(busy_ns_) * 1e-9; }
  void on_reply(std::size_t slot, Outcome outcome) override;

 private:
  bool attach(std::size_t index);
  void issue();
  void lose(std::size_t index, Outcome outcome);
  void flush_dirty();
  void mark_dirty(std::size_t index);
  void expire();
  void serve(std::size_t index, bool readable);
  int wait(std::int64_t until_ns);
  std::int64_t wake_at(const Recorder& recorder) const;

  LoopOptions options_;
  Open open_;
  int epoll_ = -1;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<bool> watches_writes_;
  std::vector<bool> dirty_;
  std::vector<std::size_t> dirty_list_;
  Dispatcher* dispatcher_ = nullptr;
  std::int64_t now_ = 0;
  std::int64_t next_expiry_ = 0;
  std::int64_t busy_ns_ = 0;
  std::size_t reconnects_ = 0;
  std::string fatal_;
};

}  // namespace mlops::loadgen
