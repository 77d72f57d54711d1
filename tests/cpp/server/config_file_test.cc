#include "config_file.h"

#include <gtest/gtest.h>

#include "config.h"
#include "support/temporary_folder.h"

namespace mlops {
namespace {

std::string error_of(std::string_view text) {
  ServerConfig config;
  return apply_config_text(text, config).message();
}

TEST(ConfigFile, SetsWhatFlagsAndVariablesSet) {
  ServerConfig config;
  const Status status = apply_config_text(
      "model-repository = ['a', 'b']\n"
      "model-control-mode = 'explicit'\nload-model = ['x', 'y']\n"
      "http-port = 1234\nexit-on-error = true\ndisable-auto-complete-config = true\n"
      "[limits]\nconnections-max = 99\nbody-timeout-ms = 7\nreceive-timeout-ms = 8\n"
      "header-bytes-max = 2048\ngrpc-connections-max = 9\n",
      config);
  ASSERT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(config.model_repositories, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(config.model_control_mode, RepositoryMode::explicit_loads);
  EXPECT_EQ(config.load_models, (std::vector<std::string>{"x", "y"}));
  EXPECT_EQ(config.http_port, 1234);
  EXPECT_TRUE(config.exit_on_error);
  EXPECT_TRUE(config.strict_model_config);
  EXPECT_EQ(config.limits.connections_max, 99U);
  EXPECT_EQ(config.limits.body_ms(), 7U);
  EXPECT_EQ(config.limits.header_ms(), 8U);
  EXPECT_EQ(config.limits.header_bytes_max, 2048U);
  EXPECT_EQ(config.limits.grpc_connections_max, 9U);
}

TEST(ConfigFile, MistakesNameTheirLine) {
  EXPECT_EQ(error_of("host = 'x'\nhttp-prt = 1"),
            "line 2: http-prt: unknown key; did you mean 'http-port'?");
  EXPECT_EQ(error_of("http-port = 'x'"),
            "line 1: http-port: 'x' is not a whole number from -1 to 65535");
  EXPECT_EQ(error_of("\n[limits]\nconnections-max = -5").substr(0, 7), "line 3:");
  EXPECT_EQ(error_of("host = 1979-05-27"),
            "line 1: host must be a string, a number, true, false, or an array of these");
  EXPECT_EQ(error_of("host = ").substr(0, 7), "line 1:");
  EXPECT_NE(error_of("n-server-version = '1'").find("unknown key"), std::string::npos);
  EXPECT_NE(error_of("check = true").find("unknown key"), std::string::npos);
  EXPECT_NE(error_of("a = 1\na = 2"), "");
  EXPECT_EQ(error_of("host = 'a'\n\xEF\xB9\xBFhost = 'b'"),
            "line 2: a character outside printable ASCII; strings may write \\u00E9");
  EXPECT_EQ(error_of("host = \"\\u00E9\""), "");
  EXPECT_EQ(error_of("[[#\"e"), "this is not TOML");
}

TEST(ConfigFile, TheCommandLineCountsMore) {
  const testing::TemporaryFolder folder;
  const std::string path =
      folder.file("server.toml", "model-repository = 'file'\nhttp-port = 1\ngrpc-port = 2\n");
  const std::vector<const char*> arguments = {"--model-repository=line", "--http-port=3",
                                              "--config", path.c_str()};
  const auto config = parse_config(arguments, [](const char*) -> const char* { return nullptr; });
  ASSERT_TRUE(config.ok()) << config.status().message();
  EXPECT_EQ(config->model_repositories, (std::vector<std::string>{"line"}));
  EXPECT_EQ(config->http_port, 3);
  EXPECT_EQ(config->grpc_port, 2);
}

TEST(ConfigFile, AMissingFileIsAnError) {
  const std::vector<const char*> arguments = {"--config=/no/such/file"};
  const auto config = parse_config(arguments, [](const char*) -> const char* { return nullptr; });
  EXPECT_EQ(config.status().message(), "/no/such/file: '/no/such/file' does not exist");
}

TEST(Config, RepositoryFlags) {
  const auto parse = [](std::vector<const char*> arguments) {
    return parse_config(arguments, [](const char*) -> const char* { return nullptr; });
  };
  const auto config =
      parse({"--model-repository=a", "--model-repository=b", "--model-control-mode=explicit",
             "--load-model=x", "--load-model=*", "--exit-on-error=true"});
  ASSERT_TRUE(config.ok()) << config.status().message();
  EXPECT_EQ(config->model_repositories.size(), 2U);
  EXPECT_EQ(config->load_models, (std::vector<std::string>{"x", "*"}));
  EXPECT_TRUE(config->exit_on_error);
  EXPECT_EQ(parse({"--model-repository=a", "--load-model=x"}).status().message(),
            "--load-model needs --model-control-mode=explicit");
  EXPECT_FALSE(parse({"--model-repository=a", "--model-control-mode=always"}).ok());
}

}  // namespace
}  // namespace mlops
