#pragma once
// SIGHUP: the settings are read again, from the same file, environment and command line, and what
// can change while the server runs does. Nothing is dropped or closed for it. One thread.
//
// Whoever owns something that can change adds a hook. Hooks run in the order they were added, at
// every reload, whether a setting has changed or not: files behind a setting may have.

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/log.h"
#include "config.h"

namespace mlops {

struct ReloadHook {
  std::string name;                   // for the log: "log", "certificates"
  std::vector<std::string> settings;  // that it takes care of, named as describe() names them
  // Brings what it owns to `config`; on an error nothing has changed. Must not block for long: a
  // signal to stop is not heard meanwhile.
  std::function<Status(const ServerConfig& config)> apply;
};

class Reload {
 public:
  using Reader = std::function<Result<ServerConfig>()>;

  // `log` outlives it.
  Reload(const ServerConfig& config, Reader reader, LogSink& log);
  void add(ReloadHook hook) { hooks_.push_back(std::move(hook)); }

  // A configuration that is wrong changes nothing; settings that need a restart are named in the
  // log and stay as they are. True when everything that was wanted is in force.
  bool run();

 private:
  using Settings = std::map<std::string, std::vector<std::string>>;
  static Settings settings_of(const ServerConfig& config);
  bool warn_of_fixed(const Settings& wanted) const;
  bool changed(const ReloadHook& hook, const Settings& wanted) const;

  const Reader reader_;
  LogSink& log_;
  std::vector<ReloadHook> hooks_;
  Settings in_force_;
};

}  // namespace mlops
