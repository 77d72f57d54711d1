#include "protocol/trace_settings.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace mlops {
namespace {

TraceUpdate parsed(std::string_view body) {
  const Result<TraceUpdate> update = parse_trace_update(body);
  EXPECT_TRUE(update.ok()) << update.status().message();
  return update.ok() ? *update : TraceUpdate();
}

int sampled(TraceControl& trace, const std::string& model, int requests) {
  int count = 0;
  for (int i = 0; i < requests; ++i) count += trace.decide(model).traced ? 1 : 0;
  return count;
}

TEST(TraceSettings, ModelsFollowTheServerWhereTheySayNothing) {
  TraceControl trace("f", {});
  trace.update("", parsed(R"({"trace_rate":"10","trace_count":"5"})"));
  trace.update("m", parsed(R"({"trace_rate":"2"})"));
  EXPECT_EQ(trace.settings("m").rate, 2U);
  EXPECT_EQ(trace.settings("m").count, 5);
  EXPECT_EQ(trace.settings("other").rate, 10U);
  trace.update("m", parsed(R"({"trace_rate":null})"));
  EXPECT_EQ(trace.settings("m").rate, 10U);
  trace.update("", parsed(R"({"trace_rate":null,"trace_count":null})"));
  EXPECT_EQ(trace.settings("m").rate, 1000U);
  EXPECT_EQ(trace.settings("").count, -1);
}

TEST(TraceSettings, OneOfSoManyIsSampledUntilTheCountIsUp) {
  TraceControl trace("f", {});
  EXPECT_EQ(sampled(trace, "m", 5000), 0);
  trace.update("", parsed(R"({"trace_level":["TIMESTAMPS"],"trace_rate":"10"})"));
  EXPECT_EQ(sampled(trace, "m", 100), 10);
  trace.update("", parsed(R"({"trace_count":3})"));
  EXPECT_EQ(sampled(trace, "m", 100), 3);
  EXPECT_EQ(trace.settings("").count, 0);
  trace.update("m", parsed(R"({"trace_count":"2","trace_rate":"1"})"));
  EXPECT_EQ(sampled(trace, "m", 100), 2);
  EXPECT_EQ(trace.settings("m").count, 0);
  EXPECT_EQ(sampled(trace, "other", 100), 0);
}

TEST(TraceSettings, AModelAloneMayBeTracedAndOneAloneNot) {
  TraceControl trace("f", {});
  trace.update("m", parsed(R"({"trace_level":["TIMESTAMPS","TENSORS"],"trace_rate":"1"})"));
  EXPECT_EQ(sampled(trace, "m", 4), 4);
  EXPECT_EQ(sampled(trace, "other", 4), 0);
  trace.update("", parsed(R"({"trace_level":["TIMESTAMPS"],"trace_rate":"1"})"));
  trace.update("m", parsed(R"({"trace_level":["OFF"]})"));
  EXPECT_EQ(sampled(trace, "m", 4), 0);
  EXPECT_EQ(sampled(trace, "other", 4), 4);
}

// Whatever path counted them: the one for all models alike, a model's own, or one with a context.
TEST(TraceSettings, TheRateHoldsAcrossChangesAndCallersContexts) {
  TraceControl trace("f", {.level = {.timestamps = true, .tensors = false}, .rate = 4});
  EXPECT_EQ(sampled(trace, "a", 6), 1);
  EXPECT_TRUE(!trace.decide("a", "rubbish").traced && trace.decide("b", "rubbish").traced);
  trace.update("m", parsed(R"({"trace_rate":"2"})"));
  EXPECT_EQ(sampled(trace, "m", 4), 2);
  EXPECT_EQ(sampled(trace, "a", 4), 1);
  trace.update("m", parsed(R"({"trace_rate":null})"));
  EXPECT_EQ(sampled(trace, "m", 2) + sampled(trace, "a", 2), 1);
  trace.update("", parsed(R"({"trace_rate":"0"})"));
  EXPECT_EQ(sampled(trace, "a", 8), 0);
  trace.update("", parsed(R"({"trace_rate":"1","trace_level":["OFF"]})"));
  EXPECT_EQ(sampled(trace, "a", 8), 0);
}

TEST(TraceSettings, ThreadsShareTheRate) {
  TraceControl trace("f", {.level = {.timestamps = true, .tensors = false}, .rate = 10});
  std::atomic<int> traced{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back([&] { traced += sampled(trace, "m", 1000); });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(traced, 400);
}

TEST(TraceSettings, WithoutAFileNothingIsSampled) {
  TraceControl trace("", {.level = {.timestamps = true, .tensors = false}, .rate = 1});
  EXPECT_EQ(sampled(trace, "m", 10), 0);
}

TEST(TraceSettings, AnEmptyBodyChangesNothing) {
  const TraceUpdate update = parsed("");
  EXPECT_FALSE(update.level || update.rate || update.count || update.log_frequency);
  for (const char* bad : {"[]", "{", R"({"trace_rate":{}})", R"({"trace_rate":[]})",
                          R"({"trace_rate":["1","2"]})", R"({"trace_level":[1,[2]]})", "\xff"}) {
    EXPECT_FALSE(parse_trace_update(bad).ok()) << bad;
  }
}

}  // namespace
}  // namespace mlops
