#include "admin/route_file.h"

#include <gtest/gtest.h>

#include "support/loaded_engine.h"
#include "support/temporary_folder.h"

namespace mlops::testing {
namespace {

RoutePlan canary(std::uint16_t share) {
  RoutePlan plan;
  plan.stable = 1;
  plan.arms = {{"canary", 2, share}};
  return plan;
}

struct Life : LoadedEngine {
  explicit Life(const std::string& path) {
    load_echo("m", echo_signature(), 1);
    load_echo("m", echo_signature(), 2);
    auto opened = RouteFile::open(path, *engine, log);
    status = opened.status();
    if (opened.ok()) file = *std::move(opened);
  }
  Status status;
  std::unique_ptr<RouteFile> file;
};

TEST(RouteFile, ARestartComesBackAsBefore) {
  const TemporaryFolder folder;
  const std::string path = folder.path() / "routes.json";
  RoutePlan before;
  {
    Life life(path);
    ASSERT_TRUE(life.file->set("m", canary(500)).ok());
    ASSERT_TRUE(life.file->set("m", canary(700)).ok());
    ASSERT_TRUE(life.file->set("n", canary(1)).status().code() == Code::unavailable);
    before = life.engine->route("m")->plan;
  }
  Life life(path);
  EXPECT_EQ(life.engine->route("m")->plan, before);
  ASSERT_TRUE(life.file->clear("m").ok());
  EXPECT_EQ(life.file->clear("m").code(), Code::not_found);
  Life last(path);
  EXPECT_EQ(last.engine->route("m").status().code(), Code::not_found);
}

TEST(RouteFile, WhatCannotBeKeptIsNotInForce) {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder.path() / "there");
  Life life(folder.path() / "there" / "routes.json");
  ASSERT_TRUE(life.file->set("m", canary(500)).ok());
  std::filesystem::remove_all(folder.path() / "there");
  EXPECT_EQ(life.file->set("m", canary(900)).status().code(), Code::unavailable);
  EXPECT_EQ(life.engine->route("m")->plan.arms[0].share, 500);
  EXPECT_EQ(life.file->clear("m").code(), Code::unavailable);
  EXPECT_TRUE(life.engine->route("m").ok());
}

TEST(RouteFile, AFileThatIsNotUnderstoodIsAnErrorAtTheStart) {
  const TemporaryFolder folder;
  const std::string path = folder.path() / "routes.json";
  std::ofstream(path) << R"({"m":{"stable":0}})";
  Life life(path);
  EXPECT_EQ(life.status.code(), Code::invalid_argument);
  EXPECT_NE(life.status.message().find(path), std::string::npos);
  EXPECT_EQ(Life(folder.path() / "nowhere" / "routes.json").status.code(), Code::unavailable);
}

TEST(RouteFile, WithoutAPathNothingIsKept) {
  Life life("");
  EXPECT_TRUE(life.file->set("m", canary(500)).ok());
  EXPECT_TRUE(life.file->clear("m").ok());
}

// What the core has done at once is made the route, and is not undone by a restart.
TEST(RouteFile, ARollBackIsKeptWithItsEvidence) {
  const TemporaryFolder folder;
  const std::string path = folder.path() / "routes.json";
  RoutePlan plan = canary(10'000);
  plan.guard = GuardPlan{.arm = "canary", .failures_in_a_row = 1};
  {
    Life life(path);
    ASSERT_TRUE(life.file->set("m", plan).ok());
    Request late = request_for("m", float_rows(1, 1));
    late.deadline = TimePoint{} + std::chrono::seconds(1);
    EXPECT_FALSE(life.engine->infer(std::move(late)).status.ok());
    while (!life.engine->route("m")->plan.rolled_back) std::this_thread::yield();
  }
  Life life(path);
  const RouteStatus status = *life.engine->route("m");
  EXPECT_EQ(status.plan.arms[0].share, 0);
  EXPECT_FALSE(status.plan.guard);
  EXPECT_EQ(status.plan.rolled_back->arm, "canary");
  EXPECT_EQ(status.plan.rolled_back->version, 2);
  EXPECT_EQ(status.plan.rolled_back->reason, "1 failures in a row");
  EXPECT_GT(status.plan.rolled_back->unix_ms, 0);
}

}  // namespace
}  // namespace mlops::testing
