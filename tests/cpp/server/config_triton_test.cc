#include <gtest/gtest.h>

#include "config.h"

namespace mlops {
namespace {

Result<ServerConfig> told(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "--model-repository=m");
  return parse_config(arguments, [](const char*) -> const char* { return nullptr; });
}

TEST(TritonFlags, DoorsAreClosedAndBoundByName) {
  const auto config = told({"--allow-http=true", "--allow-grpc", "False", "--allow-metrics=0",
                            "--grpc-port=9", "--http-address=127.0.0.1", "--grpc-address=::1"});
  ASSERT_TRUE(config.ok()) << config.status().message();
  EXPECT_EQ(config->http_port, 8000);
  EXPECT_EQ(config->grpc_port, -1);  // whatever else says where it would be
  EXPECT_EQ(config->metrics_port, -1);
  EXPECT_EQ(config->http_host(), "127.0.0.1");
  EXPECT_EQ(config->grpc_host(), "::1");
  EXPECT_EQ(config->metrics_host(), "127.0.0.1");
  EXPECT_EQ(told({"--host=::1"})->metrics_host(), "::1");
}

TEST(TritonFlags, SameMeaningsHaveBothNames) {
  const auto config = told({"--exit-timeout-secs=7", "--id=a", "--log-format", "ISO8601",
                            "--strict-readiness=true", "--exit-on-error=on"});
  ASSERT_TRUE(config.ok()) << config.status().message();
  EXPECT_EQ(config->exit_timeout_s, 7U);
  EXPECT_EQ(config->server_name, "a");
  EXPECT_EQ(config->log_format, LogFormat::text);
  EXPECT_TRUE(config->exit_on_error);
  EXPECT_TRUE(config->without_effect.empty());
  EXPECT_NE(told({"--strict-readiness=false"}).status().message().find("'true'"),
            std::string::npos);
}

TEST(TritonFlags, WhatHasNoUseHereIsToldNotRefused) {
  const auto config = told({"--backend-config=onnxruntime,a=b", "--backend-config", "c,d=e",
                            "--pinned-memory-pool-byte-size=1"});
  ASSERT_TRUE(config.ok()) << config.status().message();
  const std::vector<std::string> names = {"backend-config", "pinned-memory-pool-byte-size"};
  EXPECT_EQ(config->without_effect, names);
  EXPECT_NE(describe(*config, {}).find("without effect here = backend-config\n"),
            std::string::npos);
  EXPECT_FALSE(told({"--backend-config"}).ok());  // a value it must have
  ServerConfig file;
  ASSERT_TRUE(apply_config_text("rate-limit = 'off'", file).ok());
  EXPECT_EQ(file.without_effect, std::vector<std::string>{"rate-limit"});
}

TEST(TritonFlags, RestrictedCallsAreShownWithoutTheirSecret) {
  const auto config = told({"--http-restricted-api=health:k=topsecret",
                            "--grpc-restricted-protocol=trace,logging:admin=topsecret",
                            "--grpc-restricted-protocol=health:k=topsecret"});
  ASSERT_TRUE(config.ok()) << config.status().message();
  const std::string shown = describe(*config, {});
  EXPECT_NE(shown.find("http-restricted-api = health:k\n"), std::string::npos);
  EXPECT_NE(shown.find("grpc-restricted-protocol = trace,logging:admin\n"), std::string::npos);
  EXPECT_EQ(shown.find("topsecret"), std::string::npos);
  EXPECT_EQ(told({"--http-restricted-api=health:topsecret"}).status().message().find("topsecret"),
            std::string::npos);
}

}  // namespace
}  // namespace mlops
