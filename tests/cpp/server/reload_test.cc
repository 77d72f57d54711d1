#include "reload.h"

#include <gtest/gtest.h>

namespace mlops {
namespace {

class LinesLog final : public LogSink {
 public:
  void log(Severity, std::string_view message) override { text.append(message).append("\n"); }
  std::string text;
};

class ReloadTest : public ::testing::Test {
 protected:
  ReloadTest() { wanted = running; }

  LinesLog log;
  ServerConfig running;
  Result<ServerConfig> wanted = Status::internal("");
  Reload reload{running, [this] { return wanted; }, log};
};

TEST_F(ReloadTest, WhatHasAHookChangesAndTheRestIsNamed) {
  unsigned timeout = 0;
  reload.add({"exit timeout", {"exit-timeout-s"}, [&timeout](const ServerConfig& config) {
                timeout = config.exit_timeout_s;
                return Status();
              }});
  wanted->exit_timeout_s = 7;
  wanted->http_port = 1234;
  EXPECT_FALSE(reload.run());
  EXPECT_EQ(timeout, 7U);
  EXPECT_NE(log.text.find("exit timeout changed"), std::string::npos);
  EXPECT_NE(log.text.find("http-port stays '8000'; '1234' needs a restart"), std::string::npos)
      << log.text;
  EXPECT_EQ(log.text.find("grpc-port"), std::string::npos);
  log.text.clear();
  wanted->http_port = 8000;
  EXPECT_TRUE(reload.run());
  EXPECT_EQ(log.text, "reload: done\n");
}

TEST_F(ReloadTest, AWrongConfigurationChangesNothing) {
  int calls = 0;
  reload.add({"x", {}, [&calls](const ServerConfig&) {
                ++calls;
                return Status();
              }});
  wanted = Status::invalid_argument("line 3: unknown key");
  EXPECT_FALSE(reload.run());
  EXPECT_EQ(calls, 0);
  EXPECT_NE(log.text.find("nothing changes: line 3: unknown key"), std::string::npos);
}

TEST_F(ReloadTest, AHookThatFailsIsToldAndTheOthersRun) {
  int calls = 0;
  reload.add(
      {"certificates", {}, [](const ServerConfig&) { return Status::not_found("no file"); }});
  reload.add({"log", {}, [&calls](const ServerConfig&) {
                ++calls;
                return Status();
              }});
  EXPECT_FALSE(reload.run());
  EXPECT_EQ(calls, 1);
  EXPECT_NE(log.text.find("certificates: no file"), std::string::npos);
}

}  // namespace
}  // namespace mlops
