#include <gtest/gtest.h>

#include <thread>

#include "support/loaded_engine.h"

namespace mlops::testing {
namespace {

// Version 1 answers; version 3, a shadow of it, runs when the test says so.
struct Shadowed : LoadedEngine {
  explicit Shadowed(std::uint16_t sample = kRouteSlots) {
    load_echo("m", echo_signature(), 1);
    gate = load_gated(source("m", 3));
    RoutePlan plan;
    plan.stable = 1;
    plan.shadows = {{3, sample}};
    const auto set = engine->set_route("m", plan);
    EXPECT_TRUE(set.ok()) << set.status().to_string();
  }
  ~Shadowed() { gate->open(); }

  Response ask(float first, const std::string& id = "r") {
    Request request = request_for("m", float_rows(1, first));
    request.id = id;
    return engine->infer(std::move(request));
  }
  ShadowStatus seen() const { return engine->route("m")->shadows.at(0); }
  void wait_until(const std::function<bool(const ShadowStatus&)>& what) const {
    while (!what(seen())) std::this_thread::yield();
  }
  std::shared_ptr<Gate> gate;
};

TEST(Shadow, SeesWhatThePrimarySawAndIsCompared) {
  Shadowed loaded;
  for (int i = 0; i < 5; ++i) EXPECT_EQ(loaded.ask(static_cast<float>(i)).version, 1);
  loaded.wait_until([](const ShadowStatus& s) { return s.compared + s.dropped_busy == 5; });
  const ShadowStatus seen = loaded.seen();
  EXPECT_EQ(seen.offered, 5U);
  ASSERT_EQ(seen.outputs.size(), 1U);
  EXPECT_EQ(seen.outputs[0].second.equal, seen.compared);
  EXPECT_TRUE(seen.worst.empty());
}

TEST(Shadow, SubmittedRequestsAreSeenToo) {
  Shadowed loaded;
  std::vector<PendingRef> turn;
  std::vector<Ref<RecordingCall>> calls;
  for (int i = 0; i < 4; ++i) {
    calls.push_back(call_for(request_for("m", float_rows(1, 1))));
    turn.push_back(calls.back());
  }
  loaded.engine->submit_turn(turn);
  for (const auto& call : calls) EXPECT_TRUE(call->wait().status.ok());
  loaded.wait_until([](const ShadowStatus& s) { return s.compared + s.dropped_busy == 4; });
}

TEST(Shadow, ThatFailsChangesNoAnswer) {
  Shadowed loaded;
  for (int i = 0; i < 10; ++i) {
    const Response response = loaded.ask(-1);  // the gate's model breaks on negative rows
    ASSERT_TRUE(response.status.ok());
    EXPECT_EQ(values_of<float>(response.outputs[0].tensor)[0], -1);
  }
  loaded.wait_until([](const ShadowStatus& s) { return s.failed + s.dropped_busy == 10; });
  EXPECT_NE(loaded.seen().last_failure.find("negative"), std::string::npos);
  EXPECT_EQ(loaded.engine->route("m")->arms[0].failure, 0U);
}

// It never comes back while 500 primaries are answered, in the order of their calls.
TEST(Shadow, ThatIsEndlessIsShedAndChangesNoAnswer) {
  Shadowed loaded;
  loaded.gate->close();
  loaded.ask(0);
  loaded.gate->wait_for_runs(1);
  std::size_t before = 0;
  for (int i = 0; i < 500; ++i) {
    auto call = call_for(request_for("m", float_rows(1, static_cast<float>(i))));
    loaded.engine->submit(call);
    ASSERT_TRUE(call->wait().status.ok());
    ASSERT_EQ(values_of<float>(call->wait().outputs[0].tensor)[0], static_cast<float>(i));
    ASSERT_GT(call->answered(), before);
    before = call->answered();
  }
  const ShadowStatus seen = loaded.seen();
  EXPECT_EQ(seen.offered, 501U);
  EXPECT_EQ(seen.compared, 0U);
  EXPECT_EQ(seen.dropped_full, 500U - 64U);
  EXPECT_EQ(loaded.gate->batches().size(), 1U);
  loaded.gate->open();
  loaded.wait_until(
      [](const ShadowStatus& s) { return s.compared + s.dropped_busy + s.dropped_full == 501; });
}

TEST(Shadow, ASampleIsASample) {
  Shadowed loaded(2000);
  for (int i = 0; i < 500; ++i) loaded.ask(1);
  const std::uint64_t offered = loaded.seen().offered;
  EXPECT_GT(offered, 40U);
  EXPECT_LT(offered, 180U);
}

TEST(Shadow, KeepsItsOwnCopyOfWhatMayChange) {
  Shadowed loaded;
  loaded.gate->close();
  Request request = request_for("m", float_rows(1, 7));
  request.inputs_may_change = true;
  const Buffer bytes = request.inputs[0].tensor.owner;
  EXPECT_TRUE(loaded.engine->infer(std::move(request)).status.ok());
  std::fill(bytes->data(), bytes->data() + bytes->size(), std::byte{0});
  loaded.gate->open();
  loaded.wait_until([](const ShadowStatus& s) { return s.compared + s.dropped_busy == 1; });
  EXPECT_TRUE(loaded.seen().worst.empty());
  EXPECT_EQ(loaded.engine->copies().total(CopySite::shadow), 16U);
}

TEST(Shadow, IsNoArm) {
  Shadowed loaded;
  RoutePlan plan;
  plan.stable = 1;
  plan.shadows = {{1, 100}};
  EXPECT_EQ(loaded.engine->set_route("m", plan).status().code(), Code::invalid_argument);
}

TEST(Shadow, EndsWithTheEngine) {
  Shadowed loaded;
  for (int i = 0; i < 100; ++i) loaded.ask(1);
  loaded.engine.reset();
}

}  // namespace
}  // namespace mlops::testing
