// Trace settings as HTTP and gRPC write them.

#include <charconv>
#include <limits>

#include "protocol/extensions.pb.h"
#include "protocol/grpc_cold_parse.h"
#include "protocol/json_fields.h"
#include "protocol/json_writer.h"
#include "protocol/trace_settings.h"
#include "protocol/utf8.h"

namespace mlops {
namespace {

constexpr std::int32_t kCountMin = -1;

using Texts = std::vector<std::string>;

std::string got(std::string_view text) { return ", got: " + std::string(text.substr(0, 64)); }

template <class Number>
Status read_number(std::string_view key, const Texts& values, Number least,
                   TraceUpdate::Change<Number>& change) {
  if (values.size() != 1) {
    return Status::invalid_argument("expect only 1 value for " + in_quotes(key));
  }
  const std::string& text = values.front();
  std::int64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  const bool too_large = error == std::errc::result_out_of_range;
  if (!too_large && (error != std::errc() || stop != end)) {
    return Status::invalid_argument("Unable to parse " + in_quotes(key) + got(text));
  }
  if (!too_large && key == "trace_count" && number < least) {
    return Status::invalid_argument("Unable to parse " + in_quotes(key) +
                                    ". Expecting value >= " + std::to_string(least) + got(text));
  }
  if (too_large || number < least || number > std::numeric_limits<Number>::max()) {
    return Status::invalid_argument(
        "Unable to parse " + in_quotes(key) + ", value is out of range [ " + std::to_string(least) +
        ", " + std::to_string(std::numeric_limits<Number>::max()) + " ]" + got(text));
  }
  change.emplace(static_cast<Number>(number));
  return {};
}

Status read_level(const Texts& values, TraceUpdate& update) {
  TraceLevel level;
  for (const std::string& value : values) {
    if (value == "TIMESTAMPS") {
      level.timestamps = true;
    } else if (value == "TENSORS") {
      level.tensors = true;
    } else if (value != "OFF") {
      return Status::invalid_argument("unknown trace level " + in_quotes(value.substr(0, 64)));
    } else if (values.size() > 1) {
      return Status::invalid_argument("Expect only one trace level 'OFF' is specified");
    }
  }
  update.level.emplace(level);
  return {};
}

// Values as text, whichever door they came through; none at all clears the setting.
Status take_setting(const std::string& key, const std::optional<Texts>& values,
                    TraceUpdate& update) {
  if (key == "trace_file" || key == "trace_mode") {
    const std::string what = key == "trace_file" ? "file location" : "mode";
    return Status::unimplemented("trace " + what + " can not be updated through network protocol");
  }
  if (key == "trace_level") {
    if (values) return read_level(*values, update);
    update.level.emplace(std::nullopt);
    return {};
  }
  if (key == "trace_rate") {
    if (values) return read_number<std::uint32_t>(key, *values, 0, update.rate);
    update.rate.emplace(std::nullopt);
    return {};
  }
  if (key == "trace_count") {
    if (values) return read_number<std::int32_t>(key, *values, kCountMin, update.count);
    update.count.emplace(std::nullopt);
    return {};
  }
  if (key == "log_frequency") {
    if (values) return read_number<std::uint32_t>(key, *values, 0, update.log_frequency);
    update.log_frequency.emplace(std::nullopt);
    return {};
  }
  return Status::invalid_argument("unknown trace setting " + in_quotes(key.substr(0, 64)));
}

Status read_text(JsonCursor& json, std::string_view key, Texts& values) {
  const JsonKind kind = json.peek();
  if (kind == JsonKind::string) {
    values.emplace_back(json.string());
  } else if (kind == JsonKind::number) {
    values.emplace_back(json.number());
  } else {
    return unable_to_parse(key, "expected a string");
  }
  return json.status();
}

Status read_values(JsonCursor& json, const std::string& key, std::optional<Texts>& values) {
  if (json.peek() == JsonKind::null) {
    json.skip();
    return json.status();
  }
  values.emplace();
  if (json.peek() != JsonKind::array) return read_text(json, key, *values);
  for (json.enter_array(); json.next_element();) {
    if (Status read = read_text(json, key, *values); !read.ok()) return read;
  }
  return json.status();
}

Texts level_names(const TraceLevel& level) {
  if (level.off()) return {"OFF"};
  Texts names;
  if (level.timestamps) names.emplace_back("TIMESTAMPS");
  if (level.tensors) names.emplace_back("TENSORS");
  return names;
}

const char* mode_name(TraceMode mode) {
  return mode == TraceMode::triton ? "triton" : "opentelemetry";
}

}  // namespace

Status check_traced_model(const Engine& engine, const std::string& model) {
  if (model.empty() || engine.info(model, kAnyVersion).ok()) return {};
  return Status::invalid_argument("Request for unknown model : " + model.substr(0, 256));
}

Result<TraceUpdate> parse_trace_update(std::string_view body) {
  if (!is_utf8(body)) return Status::invalid_argument("the request JSON is not UTF-8");
  TraceUpdate update;
  JsonCursor json(body.empty() ? std::string_view("{}") : body, kSettingsDepthMax);
  std::string_view key;
  for (json.enter_object(); json.next_key(key);) {
    const std::string name(key);
    std::optional<Texts> values;
    Status taken = read_values(json, name, values);
    // A file or a mode is refused whatever its value is.
    if (taken.ok() || name == "trace_file") taken = take_setting(name, values, update);
    if (!taken.ok()) return taken;
  }
  json.finish();
  if (!json.ok()) return json.status();
  return update;
}

std::string trace_settings_json(const TraceControl& trace, const std::string& model) {
  const TraceSettings settings = trace.settings(model);
  JsonWriter json;
  json.object().key("trace_level").array();
  for (const std::string& name : level_names(settings.level)) json.string(name);
  json.end_array().key("trace_rate").string(std::to_string(settings.rate));
  json.key("trace_count").string(std::to_string(settings.count));
  if (trace.mode() == TraceMode::triton) {
    json.key("log_frequency").string(std::to_string(settings.log_frequency));
    json.key("trace_file").string(trace.file());
  }
  json.key("trace_mode").string(mode_name(trace.mode())).end_object();
  return json.take();
}

Result<std::string> answer_grpc_trace_setting(std::string_view message, const Engine& engine,
                                              TraceControl& trace) {
  const auto request = parse_grpc<inference::TraceSettingRequest>(message);
  if (!request.ok()) return request.status();
  const std::string& model = request->model_name();
  if (Status known = check_traced_model(engine, model); !known.ok()) return known;
  TraceUpdate update;
  for (const auto& [key, value] : request->settings()) {
    std::optional<Texts> values;
    if (value.value_size() > 0) values.emplace(value.value().begin(), value.value().end());
    if (Status taken = take_setting(key, values, update); !taken.ok()) return taken;
  }
  if (request->settings_size() > 0) trace.update(model, update);
  const TraceSettings now = trace.settings(model);
  inference::TraceSettingResponse reply;
  auto& settings = *reply.mutable_settings();
  for (const std::string& name : level_names(now.level)) settings["trace_level"].add_value(name);
  settings["trace_rate"].add_value(std::to_string(now.rate));
  settings["trace_count"].add_value(std::to_string(now.count));
  if (trace.mode() == TraceMode::triton) {
    settings["log_frequency"].add_value(std::to_string(now.log_frequency));
    settings["trace_file"].add_value(trace.file());
  }
  settings["trace_mode"].add_value(mode_name(trace.mode()));
  return reply.SerializeAsString();
}

}  // namespace mlops
