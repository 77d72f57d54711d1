#include "model/accepted_settings.h"

#include <algorithm>
#include <set>
#include <utility>

namespace mlops {
namespace {

namespace tables {

using Type = Setting::Type;
using Count = Setting::Count;

constexpr Setting kShapeSettings[] = {{"dim", 1, Type::int64, Count::list}};
constexpr SettingMessage kShape{kShapeSettings};
constexpr Setting kLowerBoundSettings[] = {
    {"batch_size", 1, Type::int32},
    {"input", 2, Type::message, Count::map, &kShape},
};
constexpr SettingMessage kLowerBound{kLowerBoundSettings};
constexpr Setting kGraphSpecSettings[] = {
    {"batch_size", 1, Type::int32},
    {"input", 2, Type::message, Count::map, &kShape},
    {"graph_lower_bound", 3, Type::message, Count::one, &kLowerBound},
};
constexpr SettingMessage kGraphSpec{kGraphSpecSettings};
constexpr Setting kCudaSettings[] = {
    {"graphs", 1, Type::boolean},
    {"busy_wait_events", 2, Type::boolean},
    {"graph_spec", 3, Type::message, Count::list, &kGraphSpec},
    {"output_copy_stream", 4, Type::boolean},
};
constexpr SettingMessage kCuda{kCudaSettings};

// An accelerator and a repository agent have the same members.
constexpr Setting kNamedSettings[] = {
    {"name", 1, Type::text},
    {"parameters", 2, Type::text, Count::map},
};
constexpr SettingMessage kNamed{kNamedSettings};
constexpr Setting kAcceleratorsSettings[] = {
    {"gpu_execution_accelerator", 1, Type::message, Count::list, &kNamed},
    {"cpu_execution_accelerator", 2, Type::message, Count::list, &kNamed},
};
constexpr SettingMessage kAccelerators{kAcceleratorsSettings};

constexpr Setting kGraphSettings[] = {{"level", 1, Type::int32}};
constexpr SettingMessage kGraph{kGraphSettings};
constexpr Setting kPinnedSettings[] = {{"enable", 1, Type::boolean}};
constexpr SettingMessage kPinned{kPinnedSettings};
constexpr std::string_view kPriorities[] = {"PRIORITY_DEFAULT", "PRIORITY_MAX", "PRIORITY_MIN"};
constexpr Setting kOptimizationSettings[] = {
    {"graph", 1, Type::message, Count::one, &kGraph},
    {"priority", 2, Type::choice, Count::one, nullptr, kPriorities},
    {"cuda", 3, Type::message, Count::one, &kCuda},
    {"execution_accelerators", 4, Type::message, Count::one, &kAccelerators},
    {"input_pinned_memory", 5, Type::message, Count::one, &kPinned},
    {"output_pinned_memory", 6, Type::message, Count::one, &kPinned},
    {"gather_kernel_buffer_threshold", 7, Type::uint32},
    {"eager_batching", 8, Type::boolean},
};
constexpr SettingMessage kOptimization{kOptimizationSettings};

constexpr Setting kOperationsSettings[] = {{"op_library_filename", 1, Type::text, Count::list}};
constexpr SettingMessage kOperations{kOperationsSettings};
constexpr Setting kAgentsSettings[] = {{"agents", 1, Type::message, Count::list, &kNamed}};
constexpr SettingMessage kAgents{kAgentsSettings};

constexpr Setting kIdentifierSettings[] = {{"family", 1, Type::text}};
constexpr SettingMessage kIdentifier{kIdentifierSettings};
constexpr Setting kHistogramSettings[] = {{"buckets", 1, Type::real, Count::list}};
constexpr SettingMessage kHistogram{kHistogramSettings};
constexpr Setting kControlSettings[] = {
    {"metric_identifier", 1, Type::message, Count::one, &kIdentifier},
    {"histogram_options", 2, Type::message, Count::one, &kHistogram},
};
constexpr SettingMessage kControl{kControlSettings};
constexpr Setting kMetricsSettings[] = {
    {"metric_control", 1, Type::message, Count::list, &kControl},
};
constexpr SettingMessage kMetrics{kMetricsSettings};

constexpr Setting kOfModel[] = {
    {"optimization", 12, Type::message, Count::one, &kOptimization},
    {"model_operations", 18, Type::message, Count::one, &kOperations},
    {"model_repository_agents", 23, Type::message, Count::one, &kAgents},
    {"model_metrics", 26, Type::message, Count::one, &kMetrics},
};

constexpr Setting kResourceSettings[] = {
    {"name", 1, Type::text},
    {"global", 2, Type::boolean},
    {"count", 3, Type::uint32},
};
constexpr SettingMessage kResource{kResourceSettings};
constexpr Setting kLimiterSettings[] = {
    {"resources", 1, Type::message, Count::list, &kResource},
    {"priority", 2, Type::uint32},
};
constexpr SettingMessage kLimiter{kLimiterSettings};
constexpr std::string_view kDeviceKinds[] = {"KIND_NVDLA"};
constexpr Setting kDeviceSettings[] = {
    {"kind", 1, Type::choice, Count::one, nullptr, kDeviceKinds},
    {"device_id", 2, Type::int64},
};
constexpr SettingMessage kDevice{kDeviceSettings};
constexpr Setting kOfInstance[] = {
    {"rate_limiter", 6, Type::message, Count::one, &kLimiter},
    {"secondary_devices", 8, Type::message, Count::list, &kDevice},
    {"profile", 5, Type::text, Count::list},
    {"passive", 7, Type::boolean},
    {"host_policy", 9, Type::text},
};

}  // namespace tables

constexpr std::size_t kSettingsMax = 8;  // of one message

template <class T>
Status check_as(const ConfigValue& value) {
  ConfigReader reader;
  T ignored{};
  return read_value(reader, value, ignored);
}

Status check_message(const Setting& setting, const ConfigValue& value);

Status check_single(const Setting& setting, const ConfigValue& value) {
  std::size_t index = 0;
  switch (setting.type) {
    case Setting::Type::boolean:
      return check_as<bool>(value);
    case Setting::Type::int32:
      return check_as<std::int32_t>(value);
    case Setting::Type::uint32:
      return check_as<std::uint32_t>(value);
    case Setting::Type::int64:
      return check_as<std::int64_t>(value);
    case Setting::Type::real:
      return check_as<double>(value);
    case Setting::Type::text:
      return check_as<std::string>(value);
    case Setting::Type::choice:
      return read_enum_index(value, setting.choices, index);
    case Setting::Type::message:
      return check_message(setting, value);
  }
  return {};
}

Status check_value(const Setting& setting, const ConfigValue& value) {
  if (setting.count != Setting::Count::map) return check_single(setting, value);
  ConfigEntry entry;
  if (Status s = read_entry(value, entry); !s.ok()) return s;
  if (Status s = check_as<std::string>(*entry.key); !s.ok()) return s;
  return entry.value ? check_single(setting, *entry.value) : Status();
}

// The text reader bounds the depth, and so does the table.
Status check_message(const Setting& of, const ConfigValue& value) {
  const std::span<const Setting> settings = of.message->settings;
  std::array<std::string_view, kSettingsMax> names;
  std::array<bool, kSettingsMax> repeated{};
  for (std::size_t i = 0; i < settings.size(); ++i) {
    names[i] = settings[i].name;
    repeated[i] = settings[i].count != Setting::Count::one;
  }
  std::vector<std::size_t> found;
  Status status = match_members(value, std::span(names).first(settings.size()),
                                std::span(repeated).first(settings.size()), of.name, found);
  if (!status.ok()) return status;
  std::set<std::pair<std::size_t, std::string_view>> keys;
  for (std::size_t i = 0; i < found.size(); ++i) {
    const ConfigValue& member = value.fields[i].value;
    const Setting& setting = settings[found[i]];
    if (Status s = check_value(setting, member); !s.ok()) return s;
    if (setting.count != Setting::Count::map) continue;
    ConfigEntry entry;
    if (Status s = read_entry(member, entry); !s.ok()) return s;
    if (!keys.emplace(found[i], entry.key->text).second) {
      return config_error(member, "key '" + entry.key->text + "' is given twice");
    }
  }
  return {};
}

}  // namespace

const SettingMessage kModelSettings{tables::kOfModel};
const SettingMessage kInstanceSettings{tables::kOfInstance};

const Setting* SettingMessage::find(std::string_view name) const {
  const auto found = std::ranges::find(settings, name, &Setting::name);
  return found == settings.end() ? nullptr : &*found;
}

Status accept_setting(const SettingMessage& message, std::string_view name,
                      const ConfigValue& value, std::vector<ConfigField>& into) {
  if (Status s = check_value(*message.find(name), value); !s.ok()) return s;
  into.push_back({std::string(name), value});
  return {};
}

}  // namespace mlops
