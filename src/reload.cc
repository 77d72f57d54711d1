#include "reload.h"

#include <algorithm>
#include <sstream>

namespace mlops {
namespace {

std::string text_of(const std::vector<std::string>& values) {
  std::string text;
  for (const std::string& value : values) text += (text.empty() ? "'" : ", '") + value + "'";
  return text.empty() ? "nothing" : text;
}

template <class Map>
std::vector<std::string> values_of(const Map& settings, const std::string& name) {
  const auto found = settings.find(name);
  return found == settings.end() ? std::vector<std::string>() : found->second;
}

}  // namespace

Reload::Reload(const ServerConfig& config, Reader reader, LogSink& log)
    : reader_(std::move(reader)), log_(log), in_force_(settings_of(config)) {}

// "name = value" lines are what an operator knows settings by.
Reload::Settings Reload::settings_of(const ServerConfig& config) {
  Settings settings;
  std::istringstream lines(describe(config, {}));
  for (std::string line; std::getline(lines, line);) {
    const std::size_t at = line.find(" = ");
    if (at != line.npos) settings[line.substr(0, at)].push_back(line.substr(at + 3));
  }
  return settings;
}

bool Reload::warn_of_fixed(const Settings& wanted) const {
  std::vector<std::string> names;
  for (const auto& [name, values] : in_force_) names.push_back(name);
  for (const auto& [name, values] : wanted) names.push_back(name);
  std::ranges::sort(names);
  names.erase(std::unique(names.begin(), names.end()),
              names.end());  // not ranges: clang 14 cannot read them
  bool all = true;
  for (const std::string& name : names) {
    const bool taken_care_of = std::ranges::any_of(hooks_, [&](const ReloadHook& hook) {
      return std::ranges::count(hook.settings, name) > 0;
    });
    const auto now = values_of(in_force_, name);
    const auto then = values_of(wanted, name);
    if (taken_care_of || now == then) continue;
    all = false;
    log_.log(Severity::warning, "reload: " + name + " stays " + text_of(now) + "; " +
                                    text_of(then) + " needs a restart");
  }
  return all;
}

bool Reload::changed(const ReloadHook& hook, const Settings& wanted) const {
  return std::ranges::any_of(hook.settings, [&](const std::string& name) {
    return values_of(in_force_, name) != values_of(wanted, name);
  });
}

bool Reload::run() {
  const Result<ServerConfig> config = reader_();
  if (!config.ok()) {
    log_.log(Severity::error, "reload: nothing changes: " + config.status().message());
    return false;
  }
  const Settings wanted = settings_of(*config);
  bool all = warn_of_fixed(wanted);
  for (const ReloadHook& hook : hooks_) {
    const Status status = hook.apply(*config);
    if (!status.ok()) {
      all = false;
      log_.log(Severity::error, "reload: " + hook.name + ": " + status.message());
      continue;
    }
    if (changed(hook, wanted)) log_.log(Severity::info, "reload: " + hook.name + " changed");
    for (const std::string& name : hook.settings) in_force_[name] = values_of(wanted, name);
  }
  log_.log(Severity::info, all ? "reload: done" : "reload: done in part");
  return all;
}

}  // namespace mlops
