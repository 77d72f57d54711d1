#include "loadgen/options.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "loadgen_support.h"

namespace mlops::loadgen {
namespace {

std::vector<std::string> with(std::vector<std::string> extra) {
  std::vector<std::string> all = {"--address", "127.0.0.1:8000", "--model",
                                  "m",         "--input",        "x:FP32:1,64:/tmp/a:b"};
  all.insert(all.end(), extra.begin(), extra.end());
  return all;
}

std::string error_of(std::vector<std::string> extra) {
  const auto parsed = parse_options(with(std::move(extra)));
  const auto* error = std::get_if<std::string>(&parsed);
  return error == nullptr ? "" : *error;
}

TEST(Options, ReadsAnInputWhosePathHasColons) {
  const auto parsed =
      parse_options(with({"--rate", "1000.5", "--protocol", "grpc", "--streams", "8"}));
  ASSERT_TRUE(std::holds_alternative<Options>(parsed));
  const Options& options = std::get<Options>(parsed);
  EXPECT_EQ(options.inputs[0].name, "x");
  EXPECT_EQ(options.inputs[0].shape, (std::vector<std::int64_t>{1, 64}));
  EXPECT_EQ(options.inputs[0].path, "/tmp/a:b");
  EXPECT_EQ(options.rate_per_s, 1000.5);
  EXPECT_EQ(options.loop.streams, 8u);
}

TEST(Options, SeveralProcessesMayBeTheServer) {
  const auto parsed = parse_options(with({"--server-pid", "7", "--server-pid", "9"}));
  ASSERT_TRUE(std::holds_alternative<Options>(parsed));
  EXPECT_EQ(std::get<Options>(parsed).server_pids, (std::vector<pid_t>{7, 9}));
  EXPECT_NE(error_of({"--server-pid", "7", "--server-pid", "0"}), "");
}

TEST(Options, ATraceIsAnOpenLoop) {
  const auto bytes_of = [](std::vector<std::int64_t> instants) {
    return std::string(reinterpret_cast<const char*>(instants.data()), instants.size() * 8);
  };
  const TemporaryFile file(bytes_of({0, 1000, 2'000'000'000}));
  const auto parsed = parse_options(with({"--trace", file.path()}));
  ASSERT_TRUE(std::holds_alternative<Options>(parsed));
  EXPECT_EQ(std::get<Options>(parsed).rate_per_s, 1.5);
  EXPECT_EQ(std::get<Options>(parsed).trace.size(), 3U);
  for (const std::string& bad :
       {bytes_of({7, 6}), bytes_of({-1, 6}), bytes_of({0}), bytes_of({}), std::string("1234567")}) {
    const TemporaryFile wrong(bad);
    EXPECT_NE(error_of({"--trace", wrong.path()}), "");
  }
  EXPECT_NE(error_of({"--trace", "/nonexistent"}), "");
}

TEST(Options, ATokenIsInAFileAlone) {
  const TemporaryFile file("mlops_abc\n");
  const auto parsed = parse_options(with({"--token-file", file.path()}));
  ASSERT_TRUE(std::holds_alternative<Options>(parsed));
  EXPECT_EQ(std::get<Options>(parsed).token, "mlops_abc");
  const TemporaryFile two("a b");
  EXPECT_NE(error_of({"--token-file", two.path()}), "");
  EXPECT_NE(error_of({"--token-file", "/nonexistent"}), "");
}

TEST(Options, OtherMachinesNeedAnExplicitYes) {
  EXPECT_NE(error_of({"--address", "192.0.2.1:80"}).find("--allow-remote"), std::string::npos);
  EXPECT_EQ(error_of({"--address", "192.0.2.1:80", "--allow-remote"}), "");
  EXPECT_EQ(error_of({"--address", "localhost:80"}), "");
}

TEST(Options, EveryNumberIsBounded) {
  for (const std::vector<std::string>& bad :
       std::vector<std::vector<std::string>>{{"--rate", "0"},
                                             {"--rate", "nan"},
                                             {"--rate", "inf"},
                                             {"--connections", "0"},
                                             {"--connections", "-1"},
                                             {"--windows", "0"},
                                             {"--window-s", "0"},
                                             {"--window-s", "1e9"},
                                             {"--windows", "9999", "--window-s", "3600"},
                                             {"--cpu", "x"},
                                             {"--seed", "1.5"},
                                             {"--streams", "2"},
                                             {"--input", "x:FP32:0:/f"},
                                             {"--input", "x:TEXT:1:/f"},
                                             {"--input", "x:FP32:1"},
                                             {"--expect-layout", "fp32"},
                                             {"--expect-layout", "int8:4"},
                                             {"--expect-layout", "exact:0"},
                                             {"--protocol", "ftp"},
                                             {"--address", "nowhere"},
                                             {"--nonsense", "1"},
                                             {"--rate"}}) {
    EXPECT_NE(error_of(bad), "") << bad[0] << (bad.size() > 1 ? " " + bad[1] : "");
  }
}

}  // namespace
}  // namespace mlops::loadgen
