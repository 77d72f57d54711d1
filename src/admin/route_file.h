#pragma once
// Routes that outlive the process: one file, written anew as a whole at each change, before whoever
// asked for the change is answered. Any thread.

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/log.h"
#include "protocol/route_control.h"

namespace mlops {

class RouteFile final : public RouteControl {
 public:
  // Puts what the file says in force; `engine` and `log` must outlive this. A file that is not
  // there is empty; one that cannot be read or understood is an error. `path` empty: nothing is
  // kept.
  static Result<std::unique_ptr<RouteFile>> open(std::string path, Engine& engine, LogSink& log);

  Result<RouteStatus> set(const std::string& model, RoutePlan plan) override;
  Status clear(const std::string& model) override;

 private:
  RouteFile(std::string path, Engine& engine) : path_(std::move(path)), engine_(engine) {}
  Status restore(LogSink& log);
  Status write_locked() const;

  const std::string path_;
  Engine& engine_;
  std::mutex mutex_;                         // of changes, one at a time
  std::map<std::string, RoutePlan> routes_;  // guarded by mutex_: what is in force
};

}  // namespace mlops
