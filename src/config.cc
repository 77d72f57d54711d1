#include "config.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <numeric>

#include "base/cpu_budget.h"
#include "base/version.h"

namespace mlops {
namespace {

using Setter = Status (*)(ServerConfig& config, std::string_view value);

struct Flag {
  std::string_view name;
  std::string_view value;  // what the value is; empty: the flag takes none
  std::string_view help;
  Setter set;
};

Status not_a(std::string_view value, std::string_view wanted) {
  return Status::invalid_argument("'" + std::string(value) + "' is not " + std::string(wanted));
}

template <class Number>
Status set_number(Number& target, std::string_view text, Number least, Number most) {
  Number number{};
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stop != end || number < least || number > most) {
    return not_a(text,
                 "a whole number from " + std::to_string(least) + " to " + std::to_string(most));
  }
  target = number;
  return {};
}

Status set_port(int& port, std::string_view text) { return set_number(port, text, -1, 65535); }

Status set_flag(bool& flag, std::string_view text) {
  const bool yes = text == "true" || text == "1";
  if (!yes && text != "false" && text != "0") return not_a(text, "'true' or 'false'");
  flag = yes;
  return {};
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> items;
  while (true) {
    const std::size_t end = text.find(separator);
    items.push_back(text.substr(0, end));
    if (end == text.npos) return items;
    text.remove_prefix(end + 1);
  }
}

Status set_log_format(ServerConfig& config, std::string_view text) {
  if (text != "json" && text != "text") return not_a(text, "'json' or 'text'");
  config.log_format = text == "json" ? LogFormat::json : LogFormat::text;
  return {};
}

// "0.5:0.05,0.99:0.001": quantiles, with the error that Triton's estimator may make, which is not
// ours.
Status set_quantiles(std::vector<double>& quantiles, std::string_view text) {
  quantiles.clear();
  for (const std::string_view item : split(text, ',')) {
    const std::string_view number = item.substr(0, item.find(':'));
    double quantile = 0;
    const auto [stop, error] =
        std::from_chars(number.data(), number.data() + number.size(), quantile);
    if (error != std::errc() || stop != number.data() + number.size() ||
        !(quantile >= 0 && quantile <= 1)) {
      return not_a(number, "a quantile from 0 to 1");
    }
    quantiles.push_back(quantile);
  }
  return {};
}

Status set_metrics_config(ServerConfig& config, std::string_view text) {
  const std::string_view key = text.substr(0, text.find('='));
  const std::string_view value = text.substr(std::min(key.size() + 1, text.size()));
  if (key == "summary_quantiles") return set_quantiles(config.metrics.summary_quantiles, value);
  if (key == "counter_latencies") return set_flag(config.metrics.counter_latencies, value);
  if (key == "histogram_latencies") return set_flag(config.metrics.histogram_latencies, value);
  if (key == "summary_latencies") return set_flag(config.metrics.summary_latencies, value);
  return not_a(key,
               "one of counter_latencies, histogram_latencies, summary_latencies and "
               "summary_quantiles");
}

constexpr Flag kFlags[] = {
    {"--model-repository", "DIR", "folder of models: DIR/<model>/<version>/model.onnx",
     [](ServerConfig& c, std::string_view v) {
       c.model_repository = v;
       return Status();
     }},
    {"--host", "ADDRESS", "address to listen on (default 0.0.0.0: every interface)",
     [](ServerConfig& c, std::string_view v) {
       c.host = v;
       return Status();
     }},
    {"--http-port", "PORT", "KServe v2 over HTTP (default 8000; 0: any free port; -1: off)",
     [](ServerConfig& c, std::string_view v) { return set_port(c.http_port, v); }},
    {"--grpc-port", "PORT", "KServe v2 over gRPC (default 8001; 0 and -1 as above)",
     [](ServerConfig& c, std::string_view v) { return set_port(c.grpc_port, v); }},
    {"--metrics-port", "PORT", "Prometheus metrics (default 8002; 0 and -1 as above)",
     [](ServerConfig& c, std::string_view v) { return set_port(c.metrics_port, v); }},
    {"--threads", "N", "event loops (default: one per usable core)",
     [](ServerConfig& c, std::string_view v) { return set_number(c.threads, v, 1U, 1024U); }},
    {"--ort-library", "FILE",
     "libonnxruntime.so to load (default: the installed wheel's, then the "
     "system's)",
     [](ServerConfig& c, std::string_view v) {
       c.ort_library = v;
       return Status();
     }},
    {"--exit-timeout-s", "SECONDS",
     "how long requests in flight may take after SIGTERM (default 30)",
     [](ServerConfig& c, std::string_view v) {
       return set_number(c.exit_timeout_s, v, 0U, 86'400U);
     }},
    {"--log-format", "json|text", "lines on standard error (default json)", set_log_format},
    {"--metrics-config", "KEY=VALUE",
     "repeatable: counter_latencies, histogram_latencies, summary_latencies=true|false, "
     "summary_quantiles=0.5,0.99",
     set_metrics_config},
    {"--check", "", "print the resolved settings and exit",
     [](ServerConfig& c, std::string_view) {
       c.check_only = true;
       return Status();
     }},
    {"--version", "", "print the version and exit",
     [](ServerConfig& c, std::string_view) {
       c.version = true;
       return Status();
     }},
    {"--help", "", "print this and exit",
     [](ServerConfig& c, std::string_view) {
       c.help = true;
       return Status();
     }},
};

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, changed});
    }
  }
  return row[b.size()];
}

Status unknown_flag(std::string_view name) {
  const auto nearest =
      std::min_element(std::begin(kFlags), std::end(kFlags), [&](const auto& a, const auto& b) {
        return edit_distance(name, a.name) < edit_distance(name, b.name);
      });
  std::string message = "unknown argument '" + std::string(name) + "'";
  if (edit_distance(name, nearest->name) <= nearest->name.size() / 2) {
    message += "; did you mean " + std::string(nearest->name) + "?";
  }
  return Status::invalid_argument(message + " (--help lists all)");
}

struct Variable {
  const char* name;
  Setter set;
};

constexpr std::uint64_t kDayMs = 86'400'000;
constexpr std::size_t kMostBytes = std::size_t{1} << 40;
constexpr Variable kVariables[] = {
    {"MLOPS_CONNECTIONS_MAX",
     [](ServerConfig& c, std::string_view v) {
       return set_number(c.connections_max, v, std::size_t{1}, std::size_t{1} << 20);
     }},
    {"MLOPS_REQUEST_BYTES_MAX",
     [](ServerConfig& c, std::string_view v) {
       return set_number(c.request_bytes_max, v, std::size_t{1}, std::size_t{0x7fffffff});
     }},
    {"MLOPS_REQUEST_MEMORY_BYTES_MAX",
     [](ServerConfig& c, std::string_view v) {
       return set_number(c.request_memory_bytes_max, v, std::size_t{1}, kMostBytes);
     }},
    {"MLOPS_RECEIVE_TIMEOUT_MS",
     [](ServerConfig& c, std::string_view v) {
       return set_number(c.receive_timeout_ms, v, std::uint64_t{1}, kDayMs);
     }},
    {"MLOPS_IDLE_TIMEOUT_MS",
     [](ServerConfig& c, std::string_view v) {
       return set_number(c.idle_timeout_ms, v, std::uint64_t{1}, kDayMs);
     }},
    {"MLOPS_SERVER_NAME",
     [](ServerConfig& c, std::string_view v) {
       c.server_name = v;
       return Status();
     }},
};

Status check(const ServerConfig& config) {
  if (config.help || config.version) return {};
  if (config.model_repository.empty()) {
    return Status::invalid_argument("--model-repository is missing (--help lists all)");
  }
  const std::array<int, 3> ports = {config.http_port, config.grpc_port, config.metrics_port};
  for (std::size_t i = 0; i < ports.size(); ++i) {
    if (ports[i] > 0 && std::count(ports.begin(), ports.end(), ports[i]) > 1) {
      return Status::invalid_argument("port " + std::to_string(ports[i]) + " is given twice");
    }
  }
  return {};
}

}  // namespace

const char* process_environment(const char* name) { return std::getenv(name); }

Result<ServerConfig> parse_config(std::span<const char* const> arguments,
                                  const Environment& environment) {
  ServerConfig config;
  for (const Variable& variable : kVariables) {
    const char* value = environment(variable.name);
    if (!value) continue;
    if (Status status = variable.set(config, value); !status.ok()) {
      return Status::invalid_argument(std::string(variable.name) + ": " + status.message());
    }
  }
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    std::string_view name = arguments[i];
    const std::size_t equals = name.starts_with("--") ? name.find('=') : name.npos;
    std::string_view value = equals == name.npos ? std::string_view() : name.substr(equals + 1);
    name = name.substr(0, equals);
    const auto flag = std::find_if(std::begin(kFlags), std::end(kFlags),
                                   [&](const Flag& known) { return known.name == name; });
    if (flag == std::end(kFlags)) return unknown_flag(name);
    if (flag->value.empty()) {
      if (equals != name.npos && !value.empty()) {
        return Status::invalid_argument(std::string(name) + " takes no value");
      }
    } else if (equals == std::string_view::npos) {
      if (i + 1 == arguments.size()) {
        return Status::invalid_argument(std::string(name) +
                                        " needs a value: " + std::string(flag->value));
      }
      value = arguments[++i];
    }
    if (Status status = flag->set(config, value); !status.ok()) {
      return Status::invalid_argument(std::string(name) + ": " + status.message());
    }
  }
  if (Status status = check(config); !status.ok()) return status;
  if (config.threads == 0) config.threads = usable_cores();
  return config;
}

std::string help_text() {
  std::string text = "mlops-server " + std::string(kVersion) +
                     ": serves ONNX models over KServe v2 HTTP and gRPC.\n\n"
                     "usage: mlops-server --model-repository DIR [options]\n\n";
  for (const Flag& flag : kFlags) {
    std::string line = "  " + std::string(flag.name);
    if (!flag.value.empty()) line += " " + std::string(flag.value);
    line.resize(std::max<std::size_t>(line.size() + 2, 30), ' ');
    text += line + std::string(flag.help) + "\n";
  }
  text += "\nLimits come from the environment:";
  for (const Variable& variable : kVariables) text += std::string(" ") + variable.name;
  return text + ".\n";
}

std::string describe(const ServerConfig& config, const std::vector<std::string>& ort_candidates) {
  std::string text;
  const auto line = [&text](std::string_view name, const std::string& value) {
    text.append(name).append(" = ").append(value).append("\n");
  };
  line("model-repository", config.model_repository);
  line("host", config.host);
  line("http-port", std::to_string(config.http_port));
  line("grpc-port", std::to_string(config.grpc_port));
  line("metrics-port", std::to_string(config.metrics_port));
  line("threads", std::to_string(config.threads));
  line("exit-timeout-s", std::to_string(config.exit_timeout_s));
  line("log-format", config.log_format == LogFormat::json ? "json" : "text");
  line("connections-max", std::to_string(config.connections_max));
  line("request-bytes-max", std::to_string(config.request_bytes_max));
  line("request-memory-bytes-max", std::to_string(config.request_memory_bytes_max));
  line("receive-timeout-ms", std::to_string(config.receive_timeout_ms));
  line("idle-timeout-ms", std::to_string(config.idle_timeout_ms));
  line("server-name", config.server_name);
  for (const std::string& candidate : ort_candidates) line("ort-library", candidate);
  return text;
}

}  // namespace mlops
