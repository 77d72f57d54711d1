#include "protocol/log_settings.h"

#include <limits>

#include "protocol/extensions.pb.h"
#include "protocol/grpc_cold_parse.h"
#include "protocol/json_fields.h"
#include "protocol/json_writer.h"
#include "protocol/utf8.h"

namespace mlops {
namespace {

constexpr std::uint32_t kVerboseLevelMax = std::numeric_limits<std::int32_t>::max();

Status fixed_file() {
  return Status::unimplemented("log file location can not be updated through network protocol");
}

Status unknown(std::string_view key) {
  return Status::invalid_argument("unknown log setting " + in_quotes(key.substr(0, 64)));
}

Status set_format(std::string_view text, LogUpdate& update) {
  if (text != "default" && text != "ISO8601") {
    return Status::invalid_argument("invalid argument for log_format, got: " +
                                    std::string(text.substr(0, 64)));
  }
  update.iso8601 = text == "ISO8601";
  return {};
}

std::optional<bool>* flag_of(std::string_view key, LogUpdate& update) {
  if (key == "log_info") return &update.info;
  if (key == "log_warning") return &update.warning;
  return key == "log_error" ? &update.error : nullptr;
}

Status read_setting(JsonCursor& json, const std::string& key, LogUpdate& update) {
  std::optional<bool>* flag = flag_of(key, update);
  const bool known = flag || key == "log_file" || key == "log_verbose_level" || key == "log_format";
  if (!known) return unknown(key);
  if (json.peek() == JsonKind::null) {
    json.skip();
    return json.status();
  }
  if (key == "log_file") return fixed_file();
  if (flag) {
    bool value = false;
    Status read = read_json_boolean(json, key, value);
    *flag = value;
    return read;
  }
  if (key == "log_format") {
    if (json.peek() != JsonKind::string) return unable_to_parse(key, "expected a string");
    return set_format(json.string(), update);
  }
  std::size_t level = 0;
  if (Status read = read_json_unsigned(json, key, level); !read.ok()) return read;
  if (level > kVerboseLevelMax) return unable_to_parse(key, "the value is out of range");
  update.verbose_level = static_cast<std::uint32_t>(level);
  return {};
}

using GrpcValue = inference::LogSettingsRequest::SettingValue;

Status take_setting(const std::string& key, const GrpcValue& value, LogUpdate& update) {
  if (std::optional<bool>* flag = flag_of(key, update)) {
    if (value.parameter_choice_case() != GrpcValue::kBoolParam) {
      return Status::invalid_argument("expect boolean for " + in_quotes(key));
    }
    *flag = value.bool_param();
    return {};
  }
  if (key == "log_file") return fixed_file();
  if (key == "log_verbose_level") {
    if (value.parameter_choice_case() != GrpcValue::kUint32Param ||
        value.uint32_param() > kVerboseLevelMax) {
      return Status::invalid_argument("expect int32 for " + in_quotes(key));
    }
    update.verbose_level = value.uint32_param();
    return {};
  }
  if (key != "log_format") return unknown(key);
  if (value.parameter_choice_case() != GrpcValue::kStringParam) {
    return Status::invalid_argument("expect string for " + in_quotes(key));
  }
  return set_format(value.string_param(), update);
}

const char* format_name(const LogSettings& settings) {
  return settings.iso8601 ? "ISO8601" : "default";
}

}  // namespace

Result<LogUpdate> parse_log_update(std::string_view body) {
  if (!is_utf8(body)) return Status::invalid_argument("the request JSON is not UTF-8");
  LogUpdate update;
  JsonCursor json(body.empty() ? std::string_view("{}") : body, kSettingsDepthMax);
  std::string_view key;
  for (json.enter_object(); json.next_key(key);) {
    if (Status read = read_setting(json, std::string(key), update); !read.ok()) return read;
  }
  json.finish();
  if (!json.ok()) return json.status();
  return update;
}

std::string log_settings_json(const LogSettings& settings) {
  JsonWriter json;
  json.object().key("log_file").string(settings.file).key("log_info").boolean(settings.info);
  json.key("log_warning").boolean(settings.warning).key("log_error").boolean(settings.error);
  json.key("log_verbose_level").integer(settings.verbose_level);
  json.key("log_format").string(format_name(settings)).end_object();
  return json.take();
}

Result<std::string> answer_grpc_log_settings(std::string_view message, LogControl& log) {
  const auto request = parse_grpc<inference::LogSettingsRequest>(message);
  if (!request.ok()) return request.status();
  LogUpdate update;
  for (const auto& [key, value] : request->settings()) {
    if (Status taken = take_setting(key, value, update); !taken.ok()) return taken;
  }
  log.update(update);
  const LogSettings now = log.settings();
  inference::LogSettingsResponse reply;
  auto& settings = *reply.mutable_settings();
  settings["log_file"].set_string_param(now.file);
  settings["log_info"].set_bool_param(now.info);
  settings["log_warning"].set_bool_param(now.warning);
  settings["log_error"].set_bool_param(now.error);
  settings["log_verbose_level"].set_uint32_param(now.verbose_level);
  settings["log_format"].set_string_param(format_name(now));
  return reply.SerializeAsString();
}

}  // namespace mlops
