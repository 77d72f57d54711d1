// The command line of mlops-loadgen.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "loadgen/arrival_schedule.h"
#include "loadgen/expectation.h"
#include "loadgen/http_request.h"
#include "loadgen/load_loop.h"
#include "loadgen/payload.h"
#include "loadgen/socket.h"

namespace mlops::loadgen {

enum class Protocol { kHttp, kHttpJson, kHttpRaw, kGrpc };
const char* protocol_name(Protocol protocol);

struct Options {
  Protocol protocol = Protocol::kHttp;
  Address address;
  std::string token;  // empty: none
  ModelRef model;
  std::vector<InputSpec> inputs;
  std::string expect_path;
  double tolerance = 0;
  std::vector<Segment> expect_layout;
  LoopOptions loop;
  std::optional<double> rate_per_s;  // set: open loop
  Arrivals arrivals = Arrivals::kPoisson;
  std::vector<std::int64_t> trace;  // not empty: the open loop's schedule
  std::uint64_t seed = 1;
  double warmup_s = 1;
  double window_s = 5;
  int windows = 3;
  std::optional<int> cpu;
  std::vector<pid_t> server_pids;  // their CPU time is summed
  bool allow_remote = false;
};

struct Help {};
// An std::string says what is wrong with the arguments.
std::variant<Options, Help, std::string> parse_options(const std::vector<std::string>& arguments);
const char* usage();

}  // namespace mlops::loadgen
