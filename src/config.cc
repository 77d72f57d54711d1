#include "config.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>

#include "base/cpu_budget.h"
#include "base/near_name.h"
#include "base/version.h"
#include "config_file.h"
#include "config_flag.h"
#include "model/text_file.h"

namespace mlops {
namespace {

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
  // Triton's two are lines of text, which here have their time in ISO 8601 anyway.
  const bool is_text = text == "text" || text == "default" || text == "ISO8601";
  if (text != "json" && !is_text) return not_a(text, "'json' or 'text'");
  config.log_format = is_text ? LogFormat::text : LogFormat::json;
  return {};
}

Status set_control_mode(ServerConfig& config, std::string_view text) {
  if (text == "none") {
    config.model_control_mode = RepositoryMode::none;
  } else if (text == "poll") {
    config.model_control_mode = RepositoryMode::poll;
  } else if (text == "explicit") {
    config.model_control_mode = RepositoryMode::explicit_loads;
  } else {
    return not_a(text, "'none', 'poll' or 'explicit'");
  }
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
    {"--model-repository", "DIR",
     "folder of models, DIR/<model>/<version>/model.onnx; several times for several",
     [](ServerConfig& c, std::string_view v) {
       c.model_repositories.emplace_back(v);
       return Status();
     }},
    {"--model-control-mode", "none|poll|explicit",
     "serve what is there at start (default), follow changes, or load what is asked for",
     set_control_mode},
    {"--load-model", "NAME", "explicit mode: load it at start; repeatable, '*' is every model",
     [](ServerConfig& c, std::string_view v) {
       c.load_models.emplace_back(v);
       return Status();
     }},
    {"--repository-poll-secs", "SECONDS", "poll mode: time between looks (default 15)",
     [](ServerConfig& c, std::string_view v) {
       return set_number(c.repository_poll_secs, v, 1U, 86'400U);
     }},
    {"--model-load-thread-count", "N", "models loaded at the same time at start (default 4)",
     [](ServerConfig& c, std::string_view v) {
       return set_number(c.model_load_threads, v, 1U, 1024U);
     }},
    {"--strict-model-config", "true|false",
     "refuse models without config.pbtxt (default false: all is inferred)",
     [](ServerConfig& c, std::string_view v) { return set_flag(c.strict_model_config, v); }},
    {"--disable-auto-complete-config", "", "the same as --strict-model-config=true",
     [](ServerConfig& c, std::string_view) {
       c.strict_model_config = true;
       return Status();
     }},
    {"--exit-on-error", "true|false", "exit when a model cannot be loaded at start (default false)",
     [](ServerConfig& c, std::string_view v) { return set_flag(c.exit_on_error, v); }},
    {"--config", "FILE", "TOML file with any of these settings; the command line counts more",
     [](ServerConfig& c, std::string_view v) {
       c.config_file = v;
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
    {"--busy-poll-us", "MICROSECONDS",
     "event loops do not sleep for so long after the last event: the next request waits for no "
     "wake-up, and a core is in use meanwhile (default 0: they sleep)",
     [](ServerConfig& c, std::string_view v) {
       return set_number(c.busy_poll_us, v, 0U, 60'000'000U);
     }},
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
    {"--http-max-input-size", "BYTES",
     "largest request: JSON, tensors after JSON expands, raw and decompressed bodies (default 64 "
     "MiB)",
     [](ServerConfig& c, std::string_view v) {
       return set_number(c.request_bytes_max, v, std::size_t{1}, std::size_t{0x7fffffff});
     }},
    {"--compat-server-name", "NAME",
     "what server metadata says the server is (default mlops-server; some tools look for triton)",
     [](ServerConfig& c, std::string_view v) {
       c.server_name = v;
       return Status();
     }},
    {"--compat-server-version", "VERSION", "and which version of it (default: our own)",
     [](ServerConfig& c, std::string_view v) {
       c.server_version = v;
       return Status();
     }},
    {"--allow-client-shm", "true|false",
     "clients on this machine may pass tensors in /dev/shm (default false)",
     [](ServerConfig& c, std::string_view v) { return set_flag(c.allow_client_shm, v); }},
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

// Every table, in the order of --help.
std::vector<const Flag*> all_flags() {
  std::vector<const Flag*> flags;
  const std::array<std::span<const Flag>, 8> tables = {
      kFlags,        operations_flags(), security_flags(),  queue_flags(),
      cache_flags(), drift_flags(),      execution_flags(), triton_flags()};
  for (const std::span<const Flag> table : tables) {
    for (const Flag& flag : table) flags.push_back(&flag);
  }
  return flags;
}

Status unknown_flag(std::string_view name) {
  std::vector<std::string_view> known;
  for (const Flag* flag : all_flags()) known.push_back(flag->name);
  std::string message = "unknown argument '" + std::string(name) + "'";
  if (const std::string_view nearest = nearest_name(name, known); !nearest.empty()) {
    message += "; did you mean " + std::string(nearest) + "?";
  }
  return Status::invalid_argument(message + " (--help lists all)");
}

constexpr std::size_t kMostBytes = std::size_t{1} << 40;
constexpr Variable kVariables[] = {
    {"MLOPS_REQUEST_BYTES_MAX",
     [](ServerConfig& c, std::string_view v) {
       return set_number(c.request_bytes_max, v, std::size_t{1}, std::size_t{0x7fffffff});
     }},
    {"MLOPS_REQUEST_MEMORY_BYTES_MAX",
     [](ServerConfig& c, std::string_view v) {
       return set_number(c.request_memory_bytes_max, v, std::size_t{1}, kMostBytes);
     }},
    // What Triton's own deployments and tools set to say which version they expect.
    {"TRITON_SERVER_VERSION",
     [](ServerConfig& c, std::string_view v) {
       c.server_version = v;
       return Status();
     }},
    {"MLOPS_SERVER_NAME",
     [](ServerConfig& c, std::string_view v) {
       c.server_name = v;
       return Status();
     }},
};

// Every variable that is ours to name, in the order of --help.
std::vector<const Variable*> all_variables() {
  std::vector<const Variable*> variables;
  for (const std::span<const Variable> table :
       {std::span<const Variable>(kVariables), limit_variables()}) {
    for (const Variable& variable : table) variables.push_back(&variable);
  }
  return variables;
}

Status check(const ServerConfig& config) {
  if (config.help || config.version) return {};
  if (config.model_repositories.empty()) {
    return Status::invalid_argument("--model-repository is missing (--help lists all)");
  }
  if (!config.load_models.empty() && config.model_control_mode != RepositoryMode::explicit_loads) {
    return Status::invalid_argument("--load-model needs --model-control-mode=explicit");
  }
  const std::array<int, 4> ports = {config.http_port, config.grpc_port, config.metrics_port,
                                    config.security.admin_port};
  for (std::size_t i = 0; i < ports.size(); ++i) {
    if (ports[i] > 0 && std::count(ports.begin(), ports.end(), ports[i]) > 1) {
      return Status::invalid_argument("port " + std::to_string(ports[i]) + " is given twice");
    }
  }
  if (Status s = check(config.operations); !s.ok()) return s;
  return check(config.security);
}

const Flag* find_flag(std::string_view name) {
  for (const Flag* flag : all_flags()) {
    if (flag->name == name) return flag;
  }
  return nullptr;
}

Status use(const Flag& flag, std::string_view value, ServerConfig& config) {
  if (flag.set) return flag.set(config, value);
  std::vector<std::string>& told = config.without_effect;
  const std::string_view name = flag.name.substr(2);
  if (std::ranges::count(told, name) == 0) told.emplace_back(name);
  return {};
}

// "connections-max" in the file is MLOPS_CONNECTIONS_MAX.
std::string file_key(const Variable& variable) {
  std::string key(variable.name + std::string_view("MLOPS_").size());
  for (char& c : key) {
    c = c == '_' ? '-' : static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  }
  return key;
}

// What only makes sense on a command line.
bool only_for_commands(const Flag& flag) {
  return flag.name == "--check" || flag.name == "--version" || flag.name == "--help" ||
         flag.name == "--config";
}

Status apply_setting(const FileSetting& setting, ServerConfig& config) {
  std::vector<std::string> keys;
  for (const Variable* variable : all_variables()) {
    if (!std::string_view(variable->name).starts_with("MLOPS_")) continue;  // of others
    keys.push_back(file_key(*variable));
    if (keys.back() == setting.key) return variable->set(config, setting.value);
  }
  for (const Flag* flag : all_flags()) {
    if (only_for_commands(*flag)) continue;
    keys.emplace_back(flag->name.substr(2));
    if (keys.back() != setting.key) continue;
    if (!flag->value.empty()) return use(*flag, setting.value, config);
    bool on = false;
    Status status = set_flag(on, setting.value);
    return status.ok() && on ? flag->set(config, {}) : status;
  }
  const std::vector<std::string_view> known(keys.begin(), keys.end());
  return Status::invalid_argument("unknown key" + did_you_mean(setting.key, known));
}

Status apply_file(ServerConfig& config) {
  constexpr std::size_t kFileBytesMax = std::size_t{1} << 20;
  const Result<std::string> text = read_file(config.config_file, kFileBytesMax);
  if (!text.ok()) return text.status();
  return apply_config_text(*text, config);
}

// Calls `use(flag, value)` for each argument in turn.
template <class Use>
Status for_each_argument(std::span<const char* const> arguments, Use use) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    std::string_view name = arguments[i];
    const std::size_t equals = name.starts_with("--") ? name.find('=') : name.npos;
    std::string_view value = equals == name.npos ? std::string_view() : name.substr(equals + 1);
    name = name.substr(0, equals);
    const Flag* flag = find_flag(name);
    if (!flag) return unknown_flag(name);
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
    if (Status status = use(*flag, value); !status.ok()) {
      return Status::invalid_argument(std::string(name) + ": " + status.message());
    }
  }
  return {};
}

Status apply_environment(std::span<const Variable> variables, const Environment& environment,
                         ServerConfig& config) {
  for (const Variable& variable : variables) {
    const char* value = environment(variable.name);
    if (!value) continue;
    if (Status set = variable.set(config, value); !set.ok()) {
      return Status::invalid_argument(std::string(variable.name) + ": " + set.message());
    }
  }
  return {};
}

// A list on the command line takes the place of the file's.
void forget_list(const Flag& flag, ServerConfig& config) {
  if (flag.name == "--model-repository") config.model_repositories.clear();
  if (flag.name == "--load-model") config.load_models.clear();
  if (flag.name == "--http-restricted-api") config.security.http_restricted = {};
  if (flag.name == "--grpc-restricted-protocol") config.security.grpc_restricted = {};
}

}  // namespace

const char* process_environment(const char* name) { return std::getenv(name); }

Status apply_config_text(std::string_view text, ServerConfig& config) {
  const Result<std::vector<FileSetting>> settings = parse_config_file(text);
  if (!settings.ok()) return settings.status();
  for (const FileSetting& setting : *settings) {
    if (Status status = apply_setting(setting, config); !status.ok()) {
      return Status::invalid_argument("line " + std::to_string(setting.line) + ": " + setting.key +
                                      ": " + status.message());
    }
  }
  return {};
}

Result<ServerConfig> parse_config(std::span<const char* const> arguments,
                                  const Environment& environment) {
  ServerConfig config;
  std::vector<const Flag*> listed;
  Status status = for_each_argument(arguments, [&](const Flag& flag, std::string_view value) {
    if (std::ranges::count(listed, &flag) == 0) listed.push_back(&flag);
    return flag.name == "--config" ? flag.set(config, value) : Status();
  });
  if (!status.ok()) return status;
  if (!config.config_file.empty()) {
    if (Status read = apply_file(config); !read.ok()) {
      return Status::invalid_argument(config.config_file + ": " + read.message());
    }
  }
  for (const std::span<const Variable> table :
       {std::span<const Variable>(kVariables), limit_variables(), deployment_variables()}) {
    if (Status set = apply_environment(table, environment, config); !set.ok()) return set;
  }
  for (const Flag* flag : listed) forget_list(*flag, config);
  status = for_each_argument(arguments, [&](const Flag& flag, std::string_view value) {
    return use(flag, value, config);
  });
  if (!status.ok()) return status;
  if (!config.allow_http) config.http_port = -1;
  if (!config.allow_grpc) config.grpc_port = -1;
  if (!config.allow_metrics) config.metrics_port = -1;
  if (Status wrong = check(config); !wrong.ok()) return wrong;
  if (config.threads == 0) config.threads = usable_cores();
  if (config.compute_threads == 0) config.compute_threads = usable_cores();
  return config;
}

std::string help_text() {
  std::string text = "mlops-server " + std::string(kVersion) +
                     ": serves ONNX models over KServe v2 HTTP and gRPC.\n\n"
                     "usage: mlops-server --model-repository DIR [options]\n\n";
  std::string without_effect;
  for (const Flag* flag : all_flags()) {
    if (!flag->set) {
      without_effect += " " + std::string(flag->name);
      continue;
    }
    std::string line = "  " + std::string(flag->name);
    if (!flag->value.empty()) line += " " + std::string(flag->value);
    line.resize(std::max<std::size_t>(line.size() + 2, 30), ' ');
    text += line + std::string(flag->help) + "\n";
  }
  text += "\nTriton's, accepted without effect:" + without_effect + ".\n";
  text += "\nLimits come from the environment:";
  for (const Variable* variable : all_variables()) text += std::string(" ") + variable->name;
  return text + ".\n";
}

std::string describe(const ServerConfig& config, const std::vector<std::string>& ort_candidates) {
  std::string text;
  const auto line = [&text](std::string_view name, const std::string& value) {
    text.append(name).append(" = ").append(value).append("\n");
  };
  for (const std::string& directory : config.model_repositories) {
    line("model-repository", directory);
  }
  constexpr std::array<const char*, 3> kModes = {"none", "poll", "explicit"};
  line("model-control-mode", kModes[static_cast<std::size_t>(config.model_control_mode)]);
  for (const std::string& model : config.load_models) line("load-model", model);
  line("repository-poll-secs", std::to_string(config.repository_poll_secs));
  line("model-load-thread-count", std::to_string(config.model_load_threads));
  line("strict-model-config", config.strict_model_config ? "true" : "false");
  line("exit-on-error", config.exit_on_error ? "true" : "false");
  line("host", config.host);
  line("http-address", config.http_host());
  line("grpc-address", config.grpc_host());
  line("metrics-address", config.metrics_host());
  line("http-port", std::to_string(config.http_port));
  line("grpc-port", std::to_string(config.grpc_port));
  line("metrics-port", std::to_string(config.metrics_port));
  line("threads", std::to_string(config.threads));
  line("busy-poll-us", std::to_string(config.busy_poll_us));
  line("compute-threads", std::to_string(config.compute_threads));
  line("exit-timeout-s", std::to_string(config.exit_timeout_s));
  line("log-format", config.log_format == LogFormat::json ? "json" : "text");
  line("max-inflight-requests", std::to_string(config.model_limits.inflight_requests_max));
  line("max-input-bytes", std::to_string(config.model_limits.input_bytes_max));
  line("slo-p99-us", std::to_string(config.model_limits.slo_p99_us));
  line("drift-state-directory", config.drift.state_directory);
  for (const auto& [name, value] : describe(config.execution)) line(name, value);
  line("allow-client-shm", config.allow_client_shm ? "true" : "false");
  line("request-bytes-max", std::to_string(config.request_bytes_max));
  line("request-memory-bytes-max", std::to_string(config.request_memory_bytes_max));
  for (const auto& [name, value] : describe(config.limits)) line(name, value);
  line("server-name", config.server_name);
  line("server-version",
       config.server_version.empty() ? std::string(kVersion) : config.server_version);
  for (const auto& [name, value] : describe(config.operations)) line(name, value);
  for (const auto& [name, value] : describe(config.security)) line(name, value);
  for (const std::string& candidate : ort_candidates) line("ort-library", candidate);
  for (const std::string& name : config.without_effect) line("without effect here", name);
  return text;
}

}  // namespace mlops
