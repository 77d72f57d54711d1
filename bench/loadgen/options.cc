#include "loadgen/options.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <string_view>
#include <utility>

namespace mlops::loadgen {
namespace {

constexpr double kRunMax_s = 3600;
constexpr std::size_t kSlotsMax = 65536;
constexpr std::streamsize kTraceBytesMax = 800'000'000;

// A number within bounds, or nothing. Bounds are part of parsing: every run has to end.
template <class T>
std::optional<T> number(std::string_view text, T low, T high) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  if (!(value >= low && value <= high)) return std::nullopt;
  return value;
}

template <class T>
std::string assign(T& target, std::string_view text, T low, T high) {
  const auto value = number<T>(text, low, high);
  if (!value) return "not a number between " + std::to_string(low) + " and " + std::to_string(high);
  target = *value;
  return "";
}

// NAME:DTYPE:D,D,D:FILE
std::string add_input(Options& options, const std::string& text) {
  InputSpec input;
  std::array<std::size_t, 3> colons{};
  std::size_t at = 0;
  for (std::size_t& colon : colons) {
    colon = text.find(':', at);
    if (colon == text.npos) return "expected NAME:DATATYPE:SHAPE:FILE";
    at = colon + 1;
  }
  input.name = text.substr(0, colons[0]);
  input.datatype = text.substr(colons[0] + 1, colons[1] - colons[0] - 1);
  input.path = text.substr(colons[2] + 1);
  std::string_view shape(text);
  shape = shape.substr(colons[1] + 1, colons[2] - colons[1] - 1);
  while (!shape.empty()) {
    const std::size_t comma = std::min(shape.find(','), shape.size());
    const auto extent = number<std::int64_t>(shape.substr(0, comma), 1, std::int64_t{1} << 31);
    if (!extent) return "a shape is positive numbers with commas between";
    input.shape.push_back(*extent);
    shape.remove_prefix(std::min(comma + 1, shape.size()));
  }
  if (row_bytes(input) == 0) return "datatype or shape is not usable";
  options.inputs.push_back(std::move(input));
  return "";
}

// fp32:BYTES and exact:BYTES, with commas between: one for each output tensor of a row.
std::string set_layout(Options& options, std::string_view text) {
  options.expect_layout.clear();
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    const std::string_view part = text.substr(0, comma);
    const std::size_t colon = std::min(part.find(':'), part.size());
    const auto bytes =
        number<std::size_t>(part.substr(std::min(colon + 1, part.size())), 1, std::size_t{1} << 30);
    const std::string_view kind = part.substr(0, colon);
    if (!bytes || (kind != "fp32" && kind != "exact")) return "expected fp32:BYTES or exact:BYTES";
    options.expect_layout.push_back({*bytes, kind == "fp32"});
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return "";
}

// In a file, for everybody may read a command line.
std::string read_token(Options& options, const std::string& path) {
  std::ifstream file(path);
  std::string more;
  if (!(file >> options.token) || (file >> more)) return "expected a file with one token in it";
  return "";
}

std::string set_protocol(Options& options, std::string_view text) {
  for (const Protocol protocol :
       {Protocol::kHttp, Protocol::kHttpJson, Protocol::kHttpRaw, Protocol::kGrpc}) {
    if (text == protocol_name(protocol)) {
      options.protocol = protocol;
      return "";
    }
  }
  return "expected http, http-json, http-raw or grpc";
}

std::string set_arrivals(Options& options, std::string_view text) {
  if (text != "constant" && text != "poisson") return "expected constant or poisson";
  options.arrivals = text == "constant" ? Arrivals::kConstant : Arrivals::kPoisson;
  return "";
}

// Instants in nanoseconds from the start, eight bytes each, as numpy writes int64.
std::string read_trace(Options& options, const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  const auto bytes = static_cast<std::streamsize>(file.tellg());
  if (!file || bytes <= 0 || bytes % 8 != 0 || bytes > kTraceBytesMax) {
    return "expected a file of 8-byte integers, 800 MB at most";
  }
  std::vector<std::int64_t> trace(static_cast<std::size_t>(bytes / 8));
  file.seekg(0);
  if (!file.read(reinterpret_cast<char*>(trace.data()), bytes)) return "cannot be read";
  if (trace.front() < 0 || trace.back() == 0 || !std::ranges::is_sorted(trace)) {
    return "expected instants in ascending order";
  }
  options.rate_per_s =
      static_cast<double>(trace.size()) / (static_cast<double>(trace.back()) * 1e-9);
  options.arrivals = Arrivals::kTrace;
  options.trace = std::move(trace);
  return "";
}

std::string set_rate(Options& options, std::string_view text) {
  double rate = 0;
  std::string error = assign(rate, text, 0.001, 1e7);
  if (error.empty()) options.rate_per_s = rate;
  return error;
}

std::string set_milliseconds(std::int64_t& target_ns, std::string_view text) {
  std::int64_t ms = 0;
  std::string error = assign<std::int64_t>(ms, text, 1, 600'000);
  if (error.empty()) target_ns = ms * 1'000'000;
  return error;
}

std::string add_server_pid(Options& options, std::string_view text) {
  pid_t pid = 0;
  std::string error = assign<pid_t>(pid, text, 1, 1 << 22);
  if (error.empty()) options.server_pids.push_back(pid);
  return error;
}

std::string set_load(Options& o, std::string_view name, const std::string& value) {
  if (name == "--connections") return assign<std::size_t>(o.loop.connections, value, 1, kSlotsMax);
  if (name == "--streams") return assign<std::size_t>(o.loop.streams, value, 1, kSlotsMax);
  if (name == "--rate") return set_rate(o, value);
  if (name == "--trace") return read_trace(o, value);
  if (name == "--arrivals") return set_arrivals(o, value);
  if (name == "--seed") return assign<std::uint64_t>(o.seed, value, 0, UINT64_MAX);
  if (name == "--warmup-s") return assign(o.warmup_s, value, 0.0, kRunMax_s);
  if (name == "--window-s") return assign(o.window_s, value, 0.01, kRunMax_s);
  if (name == "--windows") return assign(o.windows, value, 1, 10'000);
  if (name == "--timeout-ms") return set_milliseconds(o.loop.timeout_ns, value);
  if (name == "--drain-ms") return set_milliseconds(o.loop.drain_ns, value);
  return "unknown option";
}

std::string set_option(Options& o, std::string_view name, const std::string& value) {
  if (name == "--protocol") return set_protocol(o, value);
  if (name == "--address") return parse_address(value, o.address);
  if (name == "--input") return add_input(o, value);
  if (name == "--token-file") return read_token(o, value);
  if (name == "--expect-layout") return set_layout(o, value);
  if (name == "--tolerance") return assign(o.tolerance, value, 0.0, 1.0);
  if (name == "--cpu") return assign(o.cpu.emplace(), value, 0, 1023);
  if (name == "--server-pid") return add_server_pid(o, value);
  if (name == "--model") return o.model.name = value, "";
  if (name == "--model-version") return o.model.version = value, "";
  if (name == "--expect") return o.expect_path = value, "";
  return set_load(o, name, value);
}

std::string check(const Options& o) {
  if (o.address.text.empty()) return "--address is needed";
  if (o.model.name.empty()) return "--model is needed";
  if (o.inputs.empty()) return "at least one --input is needed";
  if (!o.allow_remote && !is_loopback(o.address)) {
    return o.address.text + " is another machine: load is only sent there with --allow-remote";
  }
  if (o.protocol != Protocol::kGrpc && o.loop.streams != 1) return "--streams is for grpc";
  if (o.loop.connections * o.loop.streams > kSlotsMax) return "too many requests in flight";
  if (o.warmup_s + o.window_s * o.windows > kRunMax_s) return "a run lasts an hour at most";
  for (const InputSpec& input : o.inputs) {
    if (o.protocol == Protocol::kHttpJson && !json_supports(input.datatype)) {
      return input.datatype + " is not supported by http-json";
    }
  }
  return "";
}

}  // namespace

const char* protocol_name(Protocol protocol) {
  switch (protocol) {
    case Protocol::kHttp:
      return "http";
    case Protocol::kHttpJson:
      return "http-json";
    case Protocol::kHttpRaw:
      return "http-raw";
    case Protocol::kGrpc:
      return "grpc";
  }
  return "";
}

std::variant<Options, Help, std::string> parse_options(const std::vector<std::string>& arguments) {
  Options options;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& name = arguments[i];
    if (name == "--help" || name == "-h") return Help{};
    if (name == "--spin") {
      options.loop.spin = true;
    } else if (name == "--allow-remote") {
      options.allow_remote = true;
    } else if (i + 1 == arguments.size()) {
      return name + ": needs a value, or is not an option";
    } else if (std::string error = set_option(options, name, arguments[++i]); !error.empty()) {
      return name + " " + arguments[i] + ": " + error;
    }
  }
  if (std::string error = check(options); !error.empty()) return error;
  return options;
}

const char* usage() {
  return R"(mlops-loadgen: load for a KServe v2 server, one JSON object on stdout

  --protocol http|http-json|grpc   binary tensors, JSON tensors, or gRPC over HTTP/2 (default http);
                                   http-raw: bare tensor bytes both ways, for servers without v2
  --address HOST:PORT              loopback only, unless --allow-remote
  --token-file FILE                send "authorization: Bearer" with the token in FILE
  --model NAME  --model-version V
  --input NAME:DATATYPE:SHAPE:FILE raw rows; repeat for more inputs. SHAPE: one request's, 1,64
  --expect FILE                    raw output bytes of every row; a reply that differs is an error
  --tolerance X                    compare FP32 outputs with this relative tolerance
  --expect-layout exact:8,fp32:8   bytes and kind of each output of a row (default: one FP32 output)
  --connections C --streams S      C x S requests in flight at most (streams: grpc only)
  --rate R                         open loop at R requests/s; without it a closed loop
  --arrivals constant|poisson      (default poisson)   --seed N
  --trace FILE                     open loop at these instants: 8-byte integers, ns from the start
  --warmup-s W --window-s D --windows N   (default 1, 5, 3)
  --timeout-ms T --drain-ms T      (default 5000, 2000)
  --cpu N                          pin the client    --spin  poll instead of sleeping
  --server-pid PID                 report that process's CPU time per request; of several, the sum

Exit status: 0 good, 1 usage, 2 no run, 3 there were errors among the replies.
)";
}

}  // namespace mlops::loadgen
