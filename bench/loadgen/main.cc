// mlops-loadgen. Read load_loop.cc for the loop, dispatcher.cc for what is sent when, recorder.cc
// for what is counted.
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "loadgen/cpu_time.h"
#include "loadgen/dispatcher.h"
#include "loadgen/expectation.h"
#include "loadgen/grpc_connection.h"
#include "loadgen/grpc_message.h"
#include "loadgen/http_connection.h"
#include "loadgen/load_loop.h"
#include "loadgen/options.h"
#include "loadgen/result_json.h"

namespace mlops::loadgen {
namespace {

constexpr int kExitUsage = 1;
constexpr int kExitNoRun = 2;
constexpr int kExitErrors = 3;
constexpr int kConnectTimeout_ms = 5000;
constexpr std::size_t kEncodedBytesMax = std::size_t{1} << 30;

int fail(int code, const std::string& why) {
  std::fprintf(stderr, "mlops-loadgen: %s\n", why.c_str());
  return code;
}

Peer peer_of(const Options& options) { return {options.address.text, options.token}; }

std::string encode(const Options& options, const Payload& payload, std::size_t row) {
  switch (options.protocol) {
    case Protocol::kHttp:
      return encode_http_binary(options.model, payload, row, peer_of(options));
    case Protocol::kHttpJson:
      return encode_http_json(options.model, payload, row, peer_of(options));
    case Protocol::kHttpRaw:
      return encode_http_raw(options.model, payload, row, peer_of(options));
    case Protocol::kGrpc:
      return encode_grpc_request(options.model, payload, row);
  }
  return "";
}

std::unique_ptr<Connection> open_connection(const Options& options,
                                            const std::vector<std::string>& requests,
                                            const Expectation& expectation, std::size_t index) {
  Socket socket = connect_to(options.address, kConnectTimeout_ms);
  if (!socket.valid()) return nullptr;
  if (options.protocol != Protocol::kGrpc) {
    return std::make_unique<HttpConnection>(std::move(socket), requests, expectation);
  }
  return std::make_unique<GrpcConnection>(std::move(socket),
                                          GrpcTarget{peer_of(options), requests, expectation},
                                          index * options.loop.streams, options.loop.streams);
}

int run(const Options& options, const Payload& payload, const Expectation& expectation) {
  std::vector<std::string> requests;
  std::size_t encoded = 0;
  for (std::size_t row = 0; row < payload.rows(); ++row) {
    requests.push_back(encode(options, payload, row));
    encoded += requests.back().size();
    if (encoded > kEncodedBytesMax) return fail(kExitUsage, "the rows encode to more than 1 GiB");
  }
  LoadLoop loop(options.loop, [&](std::size_t index) {
    return open_connection(options, requests, expectation, index);
  });
  if (const std::string error = loop.connect(); !error.empty()) return fail(kExitNoRun, error);

  const auto ns = [](double seconds) { return static_cast<std::int64_t>(seconds * 1e9); };
  const Timing timing{options.rate_per_s.has_value(), steady_now_ns(), ns(options.warmup_s),
                      ns(options.window_s), options.windows};
  Recorder recorder(timing, [&] {
    CpuSample sample{thread_cpu_s(), loop.busy_s(), std::nullopt};
    sample.server_s = processes_cpu_s(options.server_pids);
    return sample;
  });
  std::optional<ArrivalSchedule> schedule;
  if (!options.trace.empty())
    schedule.emplace(options.trace, timing.start_ns);
  else if (options.rate_per_s)
    schedule.emplace(options.arrivals, *options.rate_per_s, options.seed, timing.start_ns);
  Dispatcher dispatcher(options.loop.connections * options.loop.streams, payload.rows(), schedule,
                        recorder);
  if (const std::string error = loop.run(dispatcher, recorder); !error.empty())
    return fail(kExitNoRun, error);

  std::printf("%s\n", result_json(options, recorder, payload.rows()).c_str());
  for (const Window& window : recorder.windows()) {
    if (window.errors() != 0) return kExitErrors;
  }
  return 0;
}

int main_with(const std::vector<std::string>& arguments) {
  auto parsed = parse_options(arguments);
  if (std::holds_alternative<Help>(parsed)) return std::fputs(usage(), stdout), 0;
  if (const auto* error = std::get_if<std::string>(&parsed)) return fail(kExitUsage, *error);
  const Options& options = std::get<Options>(parsed);
  if (options.cpu) {
    if (const std::string error = pin_to_cpu(*options.cpu); !error.empty())
      return fail(kExitUsage, error);
  }
  auto payload = Payload::load(options.inputs);
  if (const auto* error = std::get_if<std::string>(&payload)) return fail(kExitUsage, *error);
  const auto& rows = std::get<Payload>(payload);
  std::variant<Expectation, std::string> expectation;
  if (!options.expect_path.empty()) {
    expectation = Expectation::load(options.expect_path, rows.rows(), options.tolerance,
                                    options.expect_layout);
  }
  if (const auto* error = std::get_if<std::string>(&expectation)) return fail(kExitUsage, *error);
  return run(options, rows, std::get<Expectation>(expectation));
}

}  // namespace
}  // namespace mlops::loadgen

int main(int argc, char** argv) {
  return mlops::loadgen::main_with(std::vector<std::string>(argv + 1, argv + argc));
}
