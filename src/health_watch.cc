#include "health_watch.h"

#include <algorithm>

#include "admin/health_facts.h"

namespace mlops {
namespace {

HealthLimits limits_of(const HealthConfig& config) {
  return {std::chrono::seconds(config.stuck_after_s), config.memory_percent / 100.0,
          std::uint64_t{config.disk_free_mb_min} << 20};
}

}  // namespace

HealthWatch::HealthWatch(const Watched& watched, const HealthConfig& config,
                         std::vector<std::string> folders, Duration watchdog)
    : watched_(watched),
      folders_(std::move(folders)),
      watchdog_(watchdog),
      config_(config),
      thread_([this] { run(); }) {}

void HealthWatch::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

void HealthWatch::configure(const HealthConfig& config) {
  const std::lock_guard lock(mutex_);
  config_ = config;
}

// A quarter of what is promised, and a second where nothing is.
void HealthWatch::run() {
  const Duration period = watchdog_ > Duration::zero()
                              ? std::min<Duration>(watchdog_ / 4, std::chrono::seconds(1))
                              : Duration(std::chrono::seconds(1));
  std::unique_lock lock(mutex_);
  while (!changed_.wait_for(lock, period, [this] { return stopping_; })) {
    lock.unlock();
    look();
    if (watchdog_ > Duration::zero()) ask_loops();
    lock.lock();
  }
}

void HealthWatch::look() {
  HealthLimits limits;
  {
    const std::lock_guard lock(mutex_);
    limits = limits_of(config_);
  }
  HealthFacts facts;
  if (limits.memory_share_max > 0) facts.memory_share = memory_share_in_use();
  facts.disk_free = least_disk_free(folders_);
  if (limits.stuck_after > Duration::zero()) facts.models = watched_.engine.stats().models;
  const Troubles troubles = judge_.judge(limits, facts, std::chrono::steady_clock::now());
  for (std::size_t i = 0; i < kTroubleCount; ++i) {
    const bool now = troubles[i].has_value();
    watched_.state.set_trouble(static_cast<Trouble>(i), now);
    if (now == std::exchange(told_[i], now)) continue;
    const std::string name(trouble_name(static_cast<Trouble>(i)));
    if (now) {
      watched_.log.log(Severity::error, "not ready (" + name + "): " + *troubles[i]);
    } else {
      watched_.log.log(Severity::info, "well again (" + name + ")");
    }
  }
}

// A loop that has not turned since the last look hangs: then no sign of life is given.
void HealthWatch::ask_loops() {
  const bool alive =
      std::ranges::all_of(watched_.loops, [](const auto& loop) { return loop->pulse_answered(); });
  if (alive) watched_.supervisor.send("WATCHDOG=1");
  for (const auto& loop : watched_.loops) loop->ask_pulse();
}

std::string HealthWatch::metrics_text() const {
  std::string page =
      "# HELP mlops_server_ready Whether requests should be sent here\n"
      "# TYPE mlops_server_ready gauge\n"
      "mlops_server_ready ";
  page += watched_.state.ready(watched_.engine) ? "1\n" : "0\n";
  page +=
      "# HELP mlops_server_trouble What keeps it from being ready, besides loading and stopping\n"
      "# TYPE mlops_server_trouble gauge\n";
  for (std::size_t i = 0; i < kTroubleCount; ++i) {
    const auto trouble = static_cast<Trouble>(i);
    page += "mlops_server_trouble{kind=\"" + std::string(trouble_name(trouble)) + "\"} " +
            (watched_.state.has_trouble(trouble) ? "1\n" : "0\n");
  }
  return page;
}

}  // namespace mlops
