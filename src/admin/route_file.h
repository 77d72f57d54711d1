#pragma once
// Routes that outlive the process: one file, written anew as a whole at each change, before whoever
// asked for the change is answered. Any thread.
//
// Has a thread of its own, which sleeps unless an arm is guarded: then it looks a few times a
// second whether the core has taken the arm's traffic away, and makes that the route, with the
// evidence.

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "base/log.h"
#include "protocol/route_control.h"

namespace mlops {

class RouteFile final : public RouteControl {
 public:
  // Puts what the file says in force; `engine` and `log` must outlive this. A file that is not
  // there is empty; one that cannot be read or understood is an error. `path` empty: nothing is
  // kept.
  static Result<std::unique_ptr<RouteFile>> open(std::string path, Engine& engine, LogSink& log);

  ~RouteFile() override { stop(); }
  // Looks at nothing any more: the engine may go. Idempotent.
  void stop();

  Result<RouteStatus> set(const std::string& model, RoutePlan plan) override;
  Status clear(const std::string& model) override;

 private:
  RouteFile(std::string path, Engine& engine, LogSink& log)
      : path_(std::move(path)), engine_(engine), log_(log) {}
  Status restore();
  void keep();
  bool any_guarded_locked() const;
  void look_locked();
  void settle_locked(const RouteStatus& status);
  Status write_locked() const;

  const std::string path_;
  Engine& engine_;
  LogSink& log_;
  std::mutex mutex_;                         // of changes, one at a time
  std::map<std::string, RoutePlan> routes_;  // guarded by mutex_: what is in force
  std::condition_variable changed_;
  bool ending_ = false;  // guarded by mutex_
  std::thread keeper_;
};

}  // namespace mlops
