// The threads that models share. Turns here wait for the test, compute for a while, or count.
#include "engine/lane_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <thread>

#include "support/fake_clock.h"
#include "support/loaded_engine.h"

namespace mlops::testing {
namespace {

using Terms = LanePool::Terms;

class Event {
 public:
  void set() {
    const std::lock_guard lock(mutex_);
    set_ = true;
    changed_.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return set_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool set_ = false;
};

void compute(Duration time) {
  const auto now = [] {
    timespec at{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at);
    return std::chrono::seconds(at.tv_sec) + std::chrono::nanoseconds(at.tv_nsec);
  };
  for (const Duration end = now() + time; now() < end;) {
  }
}

TEST(LanePool, IdleSeatsCostNoThreads) {
  SteadyClock clock;
  LanePool pool(2, clock);
  std::vector<std::unique_ptr<LanePool::Seat>> seats;
  for (int i = 0; i < 50; ++i) seats.push_back(pool.enter([] { return false; }, Terms()));
  EXPECT_EQ(pool.stats().threads, 1U);
}

TEST(LanePool, FiftyBusySeatsHaveAsManyThreadsAsCoresAndOneThatWatches) {
  SteadyClock clock;
  LanePool pool(2, clock);
  constexpr int kSeats = 50;
  std::atomic<int> turns{0};
  std::atomic<int> under_way{0};
  std::atomic<int> most{0};
  std::latch done(kSeats);
  std::vector<std::unique_ptr<LanePool::Seat>> seats;
  std::vector<std::atomic<int>> of(kSeats);
  for (int i = 0; i < kSeats; ++i) {
    seats.push_back(pool.enter(
        [&, i] {
          const int now = ++under_way;
          for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {
          }
          compute(std::chrono::microseconds(20));
          --under_way;
          ++turns;
          const int mine = ++of[static_cast<std::size_t>(i)];
          if (mine == 20) done.count_down();
          return mine < 20;
        },
        Terms()));
  }
  for (const auto& seat : seats) seat->ask();
  done.wait();
  const PoolStats stats = pool.stats();
  // More only if the machine stood still for kTurnMax.
  EXPECT_LE(stats.threads, 3 + stats.overruns);
  EXPECT_LE(most, 2 + static_cast<int>(stats.overruns));
  EXPECT_GE(turns, 20 * kSeats);
}

// An endless turn, and any number of them, holds nobody up for long.
TEST(LanePool, TurnsThatDoNotEndLoseTheirCores) {
  SteadyClock clock;
  LanePool pool(1, clock);
  Event let_go;
  std::latch stuck(2);
  const auto endless = [&] {
    stuck.count_down();
    let_go.wait();
    return false;
  };
  const auto first = pool.enter(endless, Terms());
  const auto second = pool.enter(endless, Terms());
  first->ask();
  second->ask();
  stuck.wait();
  Event ran;
  const auto third = pool.enter(
      [&] {
        ran.set();
        return false;
      },
      Terms());
  third->ask();
  ran.wait();
  EXPECT_GE(pool.stats().overruns, 2U);
  let_go.set();
}

TEST(LanePool, WhatOnlyWaitsTakesNoCore) {
  SteadyClock clock;
  LanePool pool(1, clock);
  Event let_go;
  std::latch all_there(8);
  Terms waits;
  waits.waits = true;
  std::vector<std::unique_ptr<LanePool::Seat>> seats;
  for (int i = 0; i < 8; ++i) {
    seats.push_back(pool.enter(
        [&] {
          all_there.count_down();
          let_go.wait();
          return false;
        },
        waits));
    seats.back()->ask();
  }
  all_there.wait();
  EXPECT_EQ(pool.stats().busy_cores, 0U);
  EXPECT_EQ(pool.stats().overruns, 0U);
  let_go.set();
}

TEST(LanePool, LooksAgainAtTheTimeThatWasAsked) {
  SteadyClock clock;
  LanePool pool(1, clock);
  std::atomic<int> turns{0};
  Event twice;
  LanePool::Seat* self = nullptr;
  const auto seat = pool.enter(
      [&] {
        if (++turns == 1) {
          self->ask_at(clock.now() + std::chrono::hours(1));
          self->ask_at(clock.now() + std::chrono::milliseconds(1));
        } else {
          twice.set();
        }
        return false;
      },
      Terms());
  self = seat.get();
  seat->ask();
  twice.wait();
  EXPECT_EQ(turns, 2);
}

TEST(LanePool, LeavingWaitsForTurnsAndAllowsNoMore) {
  SteadyClock clock;
  LanePool pool(2, clock);
  for (int round = 0; round < 50; ++round) {
    std::atomic<int> turns{0};
    auto seat = pool.enter([&] { return ++turns < 1'000'000; }, Terms());
    seat->ask();
    seat->ask_at(clock.now() + std::chrono::microseconds(round));
    seat->leave();
    const int after = turns;
    seat->ask();
    seat = nullptr;
    EXPECT_EQ(turns, after);
  }
}

// Producers that ask only when nobody has been asked, as models do: a turn that is lost stays lost.
TEST(LanePool, NoAskingIsLost) {
  SteadyClock clock;
  LanePool pool(2, clock);
  struct Line {
    std::mutex mutex;
    int waiting = 0;
    bool asked = false;
    int taken = 0;
    std::unique_ptr<LanePool::Seat> seat;
  };
  constexpr int kEach = 2000;
  std::vector<Line> lines(4);
  std::latch done(static_cast<std::ptrdiff_t>(lines.size()));
  for (std::size_t i = 0; i < lines.size(); ++i) {
    Line& line = lines[i];
    Terms terms;
    terms.waits = i == 0;
    line.seat = pool.enter(
        [&line, &done] {
          const std::lock_guard lock(line.mutex);
          line.asked = false;
          if (line.waiting == 0) return false;
          --line.waiting;
          if (++line.taken == 2 * kEach) done.count_down();
          line.asked = line.waiting > 0;
          return line.asked;
        },
        terms);
  }
  std::vector<std::jthread> producers;
  for (int t = 0; t < 2; ++t) {
    producers.emplace_back([&] {
      for (int i = 0; i < kEach; ++i) {
        for (Line& line : lines) {
          const std::lock_guard lock(line.mutex);
          ++line.waiting;
          if (!std::exchange(line.asked, true)) line.seat->ask();
        }
      }
    });
  }
  done.wait();
}

// Real processor time this once: it goes by weight although one's turns are twenty times longer.
TEST(LanePool, ProcessorTimeGoesByWeight) {
  // Stands still, far ahead: no turn looks stuck, and lends its core, because the machine is busy.
  FakeClock clock;
  clock.advance(std::chrono::hours(24 * 365 * 100));
  LanePool pool(1, clock);
  Terms heavy;
  heavy.weight = 3;
  // The lane itself ends both, so that the shares compared are of one stretch, whenever this thread
  // comes to read them.
  bool over = false;
  std::latch ended(2);
  const auto turn = [&](Duration time, int turns) {
    return [&, time, left = turns]() mutable {
      compute(time);
      if (--left == 0) over = true;
      const bool last = over;
      if (last) ended.count_down();
      return !last;
    };
  };
  const auto first = pool.enter(turn(std::chrono::microseconds(50), 1 << 30), heavy);
  const auto second = pool.enter(turn(std::chrono::microseconds(1000), 40), Terms());
  first->ask();
  second->ask();
  ended.wait();
  const auto ratio = static_cast<double>(first->computed().count()) /
                     static_cast<double>(second->computed().count());
  EXPECT_NEAR(ratio, 3, 0.3);
}

// A model of long batches is backlogged on all lanes; another still gets its turns.
TEST(LanePool, ABurstOnOneModelDoesNotHoldUpAnother) {
  EngineOptions options;
  options.compute_threads = 1;
  options.inline_run_us_max = 0;
  LoadedEngine loaded(options);
  loaded.load_echo("burst", echo_signature());
  loaded.load_echo("other", echo_signature());
  std::vector<Ref<RecordingCall>> calls;
  for (int i = 0; i < 2000; ++i) {
    calls.push_back(call_for(request_for("burst", float_rows(1, 1))));
    loaded.engine->submit(calls.back());
  }
  const auto other = call_for(request_for("other", float_rows(1, 1)));
  loaded.engine->submit(other);
  EXPECT_TRUE(other->wait().status.ok());
  for (const auto& call : calls) EXPECT_TRUE(call->wait().status.ok());
  // A turn is paid for when it is over, which is after its answers, and before the next one.
  for (const char* model : {"burst", "other"}) {
    const auto last = call_for(request_for(model, float_rows(1, 1)));
    loaded.engine->submit(last);
    EXPECT_TRUE(last->wait().status.ok());
  }
  const EngineStats stats = loaded.engine->stats();
  EXPECT_EQ(stats.pool.cores, 1U);
  for (const ModelStats& model : stats.models) EXPECT_GT(model.compute_ns, 0U);
}

}  // namespace
}  // namespace mlops::testing
