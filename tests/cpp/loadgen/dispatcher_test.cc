#include "loadgen/dispatcher.h"

#include <gtest/gtest.h>

#include <set>
#include <utility>

namespace mlops::loadgen {
namespace {

constexpr std::int64_t kMs = 1'000'000;

Timing open_timing(std::int64_t warmup_ms, std::int64_t window_ms, int windows) {
  return {true, 0, warmup_ms * kMs, window_ms * kMs, windows};
}

CpuSample no_cpu() { return {}; }

TEST(Dispatcher, ClosedLoopFillsEverySlotAndRefillsOnReply) {
  Recorder recorder({false, 0, 0, 1000 * kMs, 1}, no_cpu);
  recorder.advance(0);
  Dispatcher dispatcher(3, 10, std::nullopt, recorder);
  std::set<std::size_t> rows;
  for (int i = 0; i < 3; ++i) rows.insert(dispatcher.next(0)->row);
  EXPECT_EQ(rows, (std::set<std::size_t>{0, 1, 2}));
  EXPECT_FALSE(dispatcher.next(0));
  dispatcher.on_reply(1, Outcome::kOk, 5 * kMs);
  const auto again = dispatcher.next(5 * kMs);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->slot, 1u);
  EXPECT_EQ(again->row, 3u);
  EXPECT_EQ(recorder.windows()[0].latency.count(), 1u);
}

TEST(Dispatcher, RowsRotateThroughTheWholeFile) {
  Recorder recorder({false, 0, 0, 1000 * kMs, 1}, no_cpu);
  Dispatcher dispatcher(1, 4, std::nullopt, recorder);
  for (const std::size_t row : {0u, 1u, 2u, 3u, 0u, 1u}) {
    EXPECT_EQ(dispatcher.next(0)->row, row);
    dispatcher.on_reply(0, Outcome::kOk, 0);
  }
}

// The property the whole tool exists for: a server that stalls is charged for every request that
// had to wait, although only one connection was there to send on.
TEST(Dispatcher, AStallIsChargedToEveryRequestThatWasDueMeanwhile) {
  Recorder recorder(open_timing(0, 200, 1), no_cpu);
  recorder.advance(0);
  Dispatcher dispatcher(1, 1, ArrivalSchedule(Arrivals::kConstant, 1000, 1, 0),
                        recorder);  // every millisecond
  ASSERT_TRUE(dispatcher.next(0));
  dispatcher.on_reply(0, Outcome::kOk,
                      100 * kMs);  // the first takes 100 ms; the rest are instantaneous
  int late = 0;
  while (const auto start = dispatcher.next(100 * kMs)) {
    dispatcher.on_reply(start->slot, Outcome::kOk, 100 * kMs);
    ++late;
  }
  EXPECT_EQ(late, 100);  // due at 1 .. 100 ms
  const Histogram& latency = recorder.windows()[0].latency;
  EXPECT_EQ(latency.count(), 101u);
  EXPECT_NEAR(static_cast<double>(latency.quantile_ns(0.5)), 50e6,
              1e6);  // a naive client would say 0
  EXPECT_NEAR(static_cast<double>(latency.max_ns()), 100e6, 1e5);
}

TEST(Dispatcher, WhatIsNeverAnsweredStillCounts) {
  Recorder recorder(open_timing(0, 100, 2), no_cpu);
  Dispatcher dispatcher(2, 1, ArrivalSchedule(Arrivals::kConstant, 1000, 1, 0), recorder);
  for (std::int64_t now = 0; now <= 300 * kMs; now += kMs) {
    recorder.advance(now);
    while (dispatcher.next(now)) {
    }
  }
  EXPECT_TRUE(recorder.finished());
  EXPECT_FALSE(dispatcher.drained());
  dispatcher.abandon(300 * kMs);
  EXPECT_EQ(recorder.unfinished(), 200u);
  EXPECT_EQ(recorder.windows()[0].latency.count(), 100u);
  EXPECT_GE(recorder.windows()[0].latency.min_ns(), 199u * kMs);
  EXPECT_EQ(recorder.windows()[0].completed(), 0u);
}

TEST(Dispatcher, WakesForTheNextArrivalOnlyWhenASlotIsFree) {
  Recorder recorder(open_timing(0, 100, 1), no_cpu);
  Dispatcher dispatcher(1, 1, ArrivalSchedule(Arrivals::kConstant, 1000, 1, 10 * kMs), recorder);
  EXPECT_EQ(dispatcher.next_due_ns(), 10 * kMs);
  EXPECT_FALSE(dispatcher.next(9 * kMs));
  ASSERT_TRUE(dispatcher.next(10 * kMs));
  EXPECT_FALSE(dispatcher.next_due_ns());
  EXPECT_EQ(dispatcher.started_before(10 * kMs).size(), 0u);
  EXPECT_EQ(dispatcher.started_before(10 * kMs + 1).size(), 1u);
}

TEST(Recorder, WarmUpIsThrownAwayAndCpuIsPerWindow) {
  double cpu = 0;
  Recorder recorder({false, 0, 10 * kMs, 100 * kMs, 2}, [&] { return CpuSample{cpu, 0, cpu * 2}; });
  recorder.advance(1 * kMs);
  recorder.on_finish(0, 1 * kMs, Outcome::kOk);
  cpu = 1;
  recorder.advance(11 * kMs);
  recorder.on_finish(10 * kMs, 12 * kMs, Outcome::kOk);
  cpu = 1.5;
  recorder.advance(110 * kMs);
  recorder.on_finish(110 * kMs, 111 * kMs, Outcome::kTimeout);
  cpu = 1.6;
  recorder.advance(210 * kMs);
  EXPECT_TRUE(recorder.finished());
  EXPECT_EQ(recorder.windows()[0].completed(), 1u);
  EXPECT_NEAR(recorder.windows()[0].client_cpu_s, 0.5, 1e-12);
  EXPECT_NEAR(*recorder.windows()[0].server_cpu_s, 1.0, 1e-12);
  EXPECT_NEAR(recorder.windows()[0].duration_s, 0.099, 1e-12);
  EXPECT_EQ(recorder.windows()[1].completed(), 0u);
  EXPECT_EQ(recorder.windows()[1].errors(), 1u);
}

TEST(Recorder, AnErrorWhileDrainingIsNotLost) {
  Recorder recorder(open_timing(0, 100, 1), no_cpu);
  recorder.advance(0);
  recorder.advance(100 * kMs);
  recorder.on_finish(99 * kMs, 120 * kMs, Outcome::kConnectionLost);
  recorder.on_finish(98 * kMs, 120 * kMs, Outcome::kOk);
  EXPECT_EQ(recorder.windows()[0].errors(), 1u);
  EXPECT_EQ(recorder.windows()[0].completed(),
            0u);  // throughput is what finished inside the window
  EXPECT_EQ(recorder.windows()[0].latency.count(), 1u);
}

}  // namespace
}  // namespace mlops::loadgen
