#include "config_operations.h"

#include <algorithm>

#include "client/url.h"
#include "config.h"
#include "config_flag.h"

namespace mlops {
namespace {

struct Setting {
  std::string_view key;
  std::string_view value;
};

Setting split_setting(std::string_view text) {
  const std::string_view key = text.substr(0, text.find('='));
  return {key, text.substr(std::min(key.size() + 1, text.size()))};
}

Status set_milliseconds(Duration& target, std::string_view text) {
  std::uint32_t ms = 0;
  if (Status s = set_number(ms, text, 1U, 86'400'000U); !s.ok()) return s;
  target = std::chrono::milliseconds(ms);
  return {};
}

Status set_resource(OtlpOptions& otlp, std::string_view text) {
  const auto setting =
      split_setting(text);  // not bound by structure: clang 14 captures no such name
  if (setting.key.empty() || setting.key.size() == text.size()) return not_a(text, "KEY=VALUE");
  std::erase_if(otlp.resource, [&](const auto& known) { return known.first == setting.key; });
  otlp.resource.emplace_back(setting.key, setting.value);
  return {};
}

// "opentelemetry,url=...": the names are Triton's.
Status set_otlp(OtlpOptions& otlp, std::string_view text) {
  const auto [key, value] = split_setting(text);
  if (key == "url") {
    if (const Result<Url> url = parse_url(value); !url.ok()) return url.status();
    otlp.url = value;
    return {};
  }
  if (key == "resource") return set_resource(otlp, value);
  if (key == "bsp_max_queue_size") return set_number(otlp.queue_spans_max, value, 3U, 1U << 20);
  if (key == "bsp_max_export_batch_size") {
    return set_number(otlp.batch_spans_max, value, 1U, 1U << 16);
  }
  if (key == "bsp_schedule_delay") return set_milliseconds(otlp.delay, value);
  return not_a(key,
               "one of url, resource, bsp_max_queue_size, bsp_max_export_batch_size and "
               "bsp_schedule_delay");
}

Status set_trace_config(ServerConfig& config, std::string_view text) {
  TraceConfig& trace = config.operations.trace;
  if (text.starts_with("opentelemetry,")) return set_otlp(trace.otlp, text.substr(14));
  // Triton writes "triton,file=..." for what belongs to its own mode.
  if (text.starts_with("triton,")) text.remove_prefix(7);
  const auto [key, value] = split_setting(text);
  TraceSettings& settings = trace.settings;
  if (key == "file") {
    trace.file = value;
    return {};
  }
  if (key == "level") {
    if (value != "OFF" && value != "TIMESTAMPS" && value != "TENSORS") {
      return not_a(value, "'OFF', 'TIMESTAMPS' or 'TENSORS'");
    }
    settings.level.timestamps |= value == "TIMESTAMPS";
    settings.level.tensors |= value == "TENSORS";
    return {};
  }
  if (key == "rate") return set_number(settings.rate, value, 0U, UINT32_MAX);
  if (key == "count") return set_number(settings.count, value, -1, INT32_MAX);
  if (key == "log-frequency") return set_number(settings.log_frequency, value, 0U, UINT32_MAX);
  if (key == "mode") {
    if (value != "triton" && value != "opentelemetry") {
      return not_a(value, "'triton' or 'opentelemetry'");
    }
    trace.mode = value == "triton" ? TraceMode::triton : TraceMode::opentelemetry;
    return {};
  }
  return not_a(key, "one of file, level, rate, count, log-frequency and mode");
}

Status set_endpoint(ServerConfig& config, std::string_view text) {
  if (const Result<Url> url = parse_url(text); !url.ok()) return url.status();
  config.operations.store.s3.endpoint = text;
  return {};
}

constexpr Flag kOperationsFlags[] = {
    {"--log-file", "FILE", "append the log to it instead of standard error; SIGHUP opens it anew",
     [](ServerConfig& c, std::string_view v) {
       c.operations.log.file = v;
       return Status();
     }},
    {"--log-verbose", "LEVEL", "from 1: a line for each request (default 0)",
     [](ServerConfig& c, std::string_view v) {
       return set_number(c.operations.log.verbose_level, v, 0U, 1'000'000U);
     }},
    {"--log-info", "true|false", "lines of this level (default true)",
     [](ServerConfig& c, std::string_view v) { return set_flag(c.operations.log.info, v); }},
    {"--log-warning", "true|false", "likewise",
     [](ServerConfig& c, std::string_view v) { return set_flag(c.operations.log.warning, v); }},
    {"--log-error", "true|false", "likewise",
     [](ServerConfig& c, std::string_view v) { return set_flag(c.operations.log.error, v); }},
    {"--trace-config", "KEY=VALUE",
     "repeatable: mode=triton|opentelemetry, level=OFF|TIMESTAMPS, rate=N, count=N, file=PATH, "
     "log-frequency=N, opentelemetry,url=URL, opentelemetry,resource=KEY=VALUE",
     set_trace_config},
    {"--cache-directory", "DIR",
     "where optimised graphs are kept, so that the next start is faster (default: nowhere); only "
     "this user and root may be able to write there",
     [](ServerConfig& c, std::string_view v) {
       c.operations.cache_directory = v;
       return Status();
     }},
    {"--cache-bytes-max", "BYTES",
     "of optimised graphs; the least recently used go first (default 4 GiB)",
     [](ServerConfig& c, std::string_view v) {
       return set_number(c.operations.cache_bytes_max, v, std::uint64_t{0},
                         std::uint64_t{1} << 50U);
     }},
    {"--route-file", "FILE",
     "where the routes of models are kept, so that a restart comes back as before "
     "(default: nowhere)",
     [](ServerConfig& c, std::string_view v) {
       c.operations.route_file = v;
       return Status();
     }},
    {"--model-cache-directory", "DIR",
     "where copies of s3:// model repositories lie (default /var/tmp/mlops-server)",
     [](ServerConfig& c, std::string_view v) {
       c.operations.store.cache = v;
       return Status();
     }},
    {"--s3-region", "REGION", "of s3:// model repositories (default AWS_REGION, else us-east-1)",
     [](ServerConfig& c, std::string_view v) {
       c.operations.store.s3.region = v;
       return Status();
     }},
    {"--s3-endpoint", "URL",
     "who has s3://BUCKET repositories (default AWS_ENDPOINT_URL, else Amazon)", set_endpoint},
    {"--stuck-after-s", "SECONDS",
     "not ready when a model's requests wait this long and none is run (default 300; 0: never)",
     [](ServerConfig& c, std::string_view v) {
       return set_number(c.operations.health.stuck_after_s, v, 0U, 86'400U);
     }},
    {"--ready-memory-percent", "PERCENT",
     "not ready above this use of the container's memory (default 97; 0: never)",
     [](ServerConfig& c, std::string_view v) {
       return set_number(c.operations.health.memory_percent, v, 0U, 100U);
     }},
    {"--ready-disk-free-mb", "MIB",
     "not ready with less than this free where it writes (default 16; 0: never)",
     [](ServerConfig& c, std::string_view v) {
       return set_number(c.operations.health.disk_free_mb_min, v, 0U, 1U << 30);
     }},
};

constexpr Variable kDeploymentVariables[] = {
    {"NOTIFY_SOCKET",
     [](ServerConfig& c, std::string_view v) {
       c.operations.supervisor.notify_socket = v;
       return Status();
     }},
    {"WATCHDOG_USEC",
     [](ServerConfig& c, std::string_view v) {
       return set_number(c.operations.supervisor.watchdog_us, v, std::uint64_t{0}, UINT64_MAX);
     }},
    {"CACHE_DIRECTORY",
     [](ServerConfig& c, std::string_view v) {
       c.operations.store.cache = v;
       return Status();
     }},
    {"AWS_ACCESS_KEY_ID",
     [](ServerConfig& c, std::string_view v) {
       c.operations.store.s3.credentials.key_id = v;
       return Status();
     }},
    {"AWS_SECRET_ACCESS_KEY",
     [](ServerConfig& c, std::string_view v) {
       c.operations.store.s3.credentials.secret = v;
       return Status();
     }},
    {"AWS_SESSION_TOKEN",
     [](ServerConfig& c, std::string_view v) {
       c.operations.store.s3.credentials.session_token = v;
       return Status();
     }},
    {"AWS_DEFAULT_REGION",
     [](ServerConfig& c, std::string_view v) {
       c.operations.store.s3.region = v;
       return Status();
     }},
    {"AWS_REGION",
     [](ServerConfig& c, std::string_view v) {
       c.operations.store.s3.region = v;
       return Status();
     }},
    {"AWS_ENDPOINT_URL", set_endpoint},
    {"AWS_ENDPOINT_URL_S3", set_endpoint},
};

const char* truth(bool value) { return value ? "true" : "false"; }

}  // namespace

std::span<const Flag> operations_flags() { return kOperationsFlags; }
std::span<const Variable> deployment_variables() { return kDeploymentVariables; }

Status check(const OperationsConfig& config) {
  const AwsCredentials& credentials = config.store.s3.credentials;
  if (credentials.key_id.empty() != credentials.secret.empty()) {
    return Status::invalid_argument("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY need each other");
  }
  const std::string& region = config.store.s3.region;
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  };
  if (region.empty() || !std::ranges::all_of(region, plain)) {
    return Status::invalid_argument("--s3-region: '" + region + "' is no name of a region");
  }
  const OtlpOptions& otlp = config.trace.otlp;
  if (otlp.batch_spans_max > otlp.queue_spans_max) {
    return Status::invalid_argument(
        "--trace-config: bsp_max_export_batch_size is above bsp_max_queue_size");
  }
  return {};
}

std::vector<std::pair<std::string, std::string>> describe(const OperationsConfig& config) {
  const TraceConfig& trace = config.trace;
  const bool otel = trace.mode == TraceMode::opentelemetry;
  std::string level = trace.settings.level.off() ? "OFF" : "";
  if (trace.settings.level.timestamps) level = "TIMESTAMPS";
  if (trace.settings.level.tensors) level += level.empty() ? "TENSORS" : " TENSORS";
  std::vector<std::pair<std::string, std::string>> lines = {
      {"log-file", config.log.file},
      {"log-verbose", std::to_string(config.log.verbose_level)},
      {"log-info", truth(config.log.info)},
      {"log-warning", truth(config.log.warning)},
      {"log-error", truth(config.log.error)},
      {"trace-mode", otel ? "opentelemetry" : "triton"},
      {"trace-level", level},
      {"trace-rate", std::to_string(trace.settings.rate)},
      {"trace-count", std::to_string(trace.settings.count)},
      {"trace-log-frequency", std::to_string(trace.settings.log_frequency)},
  };
  if (otel) {
    lines.emplace_back("trace-url", trace.otlp.url);
    for (const auto& [key, value] : trace.otlp.resource) {
      lines.emplace_back("trace-resource", key + "=" + value);
    }
  } else {
    lines.emplace_back("trace-file", trace.file);
  }
  const AwsCredentials& credentials = config.store.s3.credentials;
  lines.emplace_back("cache-directory", config.cache_directory);
  lines.emplace_back("cache-bytes-max", std::to_string(config.cache_bytes_max));
  lines.emplace_back("response-cache-byte-size", std::to_string(config.response_cache_bytes));
  lines.emplace_back("route-file", config.route_file);
  lines.emplace_back("model-cache-directory", config.store.cache);
  lines.emplace_back("s3-region", config.store.s3.region);
  lines.emplace_back("s3-endpoint", config.store.s3.endpoint);
  lines.emplace_back("s3-credentials", credentials.key_id.empty() ? "none" : "given");
  lines.emplace_back("stuck-after-s", std::to_string(config.health.stuck_after_s));
  lines.emplace_back("ready-memory-percent", std::to_string(config.health.memory_percent));
  lines.emplace_back("ready-disk-free-mb", std::to_string(config.health.disk_free_mb_min));
  return lines;
}

}  // namespace mlops
