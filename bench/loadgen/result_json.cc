#include "loadgen/result_json.h"

#include <array>
#include <charconv>
#include <string_view>

#include "loadgen/json_text.h"

namespace mlops::loadgen {
namespace {

std::string text_of(double value) {
  std::array<char, 32> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  return std::string(text.data(), end);
}

std::string json_text(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

std::string optional_text(std::optional<double> value) { return value ? text_of(*value) : "null"; }

std::string quantile_text(const Histogram& latency, double q, std::uint64_t samples_min) {
  return latency.count() < samples_min ? "null" : std::to_string(latency.quantile_ns(q));
}

std::string latency_json(const Histogram& latency) {
  std::string out = "{\"count\":" + std::to_string(latency.count()) +
                    ",\"min_ns\":" + std::to_string(latency.min_ns()) +
                    ",\"mean_ns\":" + text_of(latency.mean_ns()) +
                    ",\"p50_ns\":" + quantile_text(latency, 0.5, 1) +
                    ",\"p90_ns\":" + quantile_text(latency, 0.9, 1) +
                    ",\"p99_ns\":" + quantile_text(latency, 0.99, kP99SamplesMin) +
                    ",\"p999_ns\":" + quantile_text(latency, 0.999, kP999SamplesMin) +
                    ",\"max_ns\":" + std::to_string(latency.max_ns()) + ",\"histogram\":[";
  bool first = true;
  for (const Histogram::Cell& cell : latency.cells()) {
    if (!first) out += ',';
    first = false;
    out += '[' + std::to_string(cell.lower_ns) + ',' + std::to_string(cell.count) + ']';
  }
  return out + "]}";
}

std::optional<double> server_us_per_request(const Window& window) {
  if (!window.server_cpu_s || window.completed() == 0) return std::nullopt;
  return *window.server_cpu_s * 1e6 / static_cast<double>(window.completed());
}

std::string window_json(const Window& window, bool spin) {
  const double rate =
      window.duration_s > 0 ? static_cast<double>(window.completed()) / window.duration_s : 0;
  std::string out = "{\"duration_s\":" + text_of(window.duration_s) +
                    ",\"completed\":" + std::to_string(window.completed()) +
                    ",\"throughput_per_s\":" + text_of(rate) + ",\"errors\":{";
  for (std::size_t i = 1; i < kOutcomeCount; ++i) {
    if (i != 1) out += ',';
    out += json_text(kOutcomeNames[i]) + ':' + std::to_string(window.outcomes[i]);
  }
  out += "},\"client_share\":" + text_of(client_share(window, spin)) +
         ",\"server_cpu_s\":" + optional_text(window.server_cpu_s) +
         ",\"server_cpu_us_per_request\":" + optional_text(server_us_per_request(window)) +
         ",\"latency\":" + latency_json(window.latency);
  return out + '}';
}

const char* arrivals_name(Arrivals arrivals) {
  if (arrivals == Arrivals::kTrace) return "trace";
  return arrivals == Arrivals::kConstant ? "constant" : "poisson";
}

std::string config_json(const Options& options, std::size_t rows) {
  return "{\"protocol\":" + json_text(protocol_name(options.protocol)) +
         ",\"address\":" + json_text(options.address.text) +
         ",\"model\":" + json_text(options.model.name) +
         ",\"mode\":" + (options.rate_per_s ? "\"open\"" : "\"closed\"") +
         ",\"arrivals\":" + json_text(arrivals_name(options.arrivals)) +
         ",\"rate_per_s\":" + optional_text(options.rate_per_s) +
         ",\"seed\":" + std::to_string(options.seed) +
         ",\"connections\":" + std::to_string(options.loop.connections) +
         ",\"streams\":" + std::to_string(options.loop.streams) +
         ",\"rows\":" + std::to_string(rows) +
         ",\"spin\":" + (options.loop.spin ? "true" : "false") +
         ",\"verified\":" + (options.expect_path.empty() ? "false" : "true") +
         ",\"warmup_s\":" + text_of(options.warmup_s) + '}';
}

}  // namespace

double client_share(const Window& window, bool spin) {
  if (window.duration_s <= 0) return 0;
  return (spin ? window.client_busy_s : window.client_cpu_s) / window.duration_s;
}

std::string result_json(const Options& options, const Recorder& recorder, std::size_t rows) {
  Window total;
  std::string windows;
  for (const Window& window : recorder.windows()) {
    if (!windows.empty()) windows += ',';
    windows += window_json(window, options.loop.spin);
    total.add(window);
  }
  const bool bound = client_share(total, options.loop.spin) > kClientBoundShare;
  return "{\"schema\":\"mlops-loadgen/1\",\"config\":" + config_json(options, rows) +
         ",\"client_bound\":" + (bound ? "true" : "false") +
         ",\"unfinished\":" + std::to_string(recorder.unfinished()) +
         ",\"total\":" + window_json(total, options.loop.spin) + ",\"windows\":[" + windows + "]}";
}

}  // namespace mlops::loadgen
