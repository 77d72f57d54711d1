#include "admin/route_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>

#include "model/text_file.h"
#include "net/fd.h"
#include "protocol/route_json.h"

namespace mlops {
namespace {

constexpr auto kLookEvery = std::chrono::milliseconds(100);
constexpr std::size_t kFileBytesMax = std::size_t{64} << 20;

Status cannot(const std::string& path, const char* what) {
  return Status::unavailable("the routes' file '" + path + "' cannot be " + what + ": " +
                             std::strerror(errno));
}

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

// The rename lasts once the folder is on disk.
void sync_folder(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string folder = slash == path.npos ? "." : path.substr(0, slash + 1);
  const Fd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd) ::fsync(fd.get());
}

}  // namespace

Result<std::unique_ptr<RouteFile>> RouteFile::open(std::string path, Engine& engine, LogSink& log) {
  std::unique_ptr<RouteFile> file(new RouteFile(std::move(path), engine, log));
  if (Status s = file->restore(); !s.ok()) return s;
  file->keeper_ = std::thread([&file = *file] { file.keep(); });
  return file;
}

void RouteFile::stop() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  if (keeper_.joinable()) keeper_.join();
}

bool RouteFile::any_guarded_locked() const {
  return std::ranges::any_of(routes_,
                             [](const auto& entry) { return entry.second.guard.has_value(); });
}

void RouteFile::keep() {
  std::unique_lock lock(mutex_);
  while (!ending_) {
    if (any_guarded_locked()) {
      changed_.wait_for(lock, kLookEvery);
    } else {
      changed_.wait(lock);
    }
    if (!ending_) look_locked();
  }
}

void RouteFile::look_locked() {
  std::vector<std::string> guarded;
  for (const auto& [model, plan] : routes_) {
    if (plan.guard) guarded.push_back(model);
  }
  for (const std::string& model : guarded) {
    const Result<RouteStatus> status = engine_.route(model);
    if (!status.ok() || !status->guard || !status->guard->plan.automatic) continue;
    const GuardVerdict verdict = status->guard->verdict;
    if (verdict == GuardVerdict::worse || verdict == GuardVerdict::stopped) settle_locked(*status);
  }
}

// The traffic is gone already; now a restart will not bring it back.
void RouteFile::settle_locked(const RouteStatus& status) {
  RoutePlan plan = status.plan;
  const auto arm = std::ranges::find(plan.arms, status.guard->plan.arm, &RouteArm::name);
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  plan.rolled_back = {arm->name, arm->version, status.guard->reason,
                      std::chrono::duration_cast<std::chrono::milliseconds>(now).count()};
  plan.take_away(arm->name);
  plan.guard.reset();
  const Result<RouteStatus> set = engine_.set_route(status.model, plan, RouteOrigin::restored);
  if (!set.ok()) return log_.log(Severity::error, set.status().message());
  routes_[status.model] = set->plan;
  log_.log(Severity::error, "model '" + status.model + "': arm '" + arm->name + "', version " +
                                std::to_string(plan.rolled_back->version) +
                                ", was rolled back: " + plan.rolled_back->reason);
  if (path_.empty()) return;
  if (Status s = write_locked(); !s.ok()) log_.log(Severity::error, s.message());
}

Status RouteFile::restore() {
  if (path_.empty()) return {};
  const Result<std::string> text = read_file(path_, kFileBytesMax);
  if (text.status().code() == Code::not_found) return write_locked();  // says now what is wrong
  if (!text.ok()) return text.status();
  Result<std::map<std::string, RoutePlan>> routes = parse_routes(*text);
  if (!routes.ok()) {
    return Status::invalid_argument("the routes' file '" + path_ +
                                    "': " + routes.status().message());
  }
  routes_ = *std::move(routes);
  for (const auto& [model, plan] : routes_) {
    const Result<RouteStatus> set = engine_.set_route(model, plan, RouteOrigin::restored);
    if (!set.ok()) return set.status();
    log_.log(Severity::info, "the route of model '" + model + "' is as it was: stable is version " +
                                 std::to_string(plan.stable));
  }
  return {};
}

Result<RouteStatus> RouteFile::set(const std::string& model, RoutePlan plan) {
  const std::lock_guard lock(mutex_);
  Result<RouteStatus> set = engine_.set_route(model, std::move(plan));
  if (!set.ok()) return set;
  if (set->plan.guard) changed_.notify_all();
  const auto before = routes_.find(model);
  const bool had = before != routes_.end();
  const RoutePlan old = had ? before->second : RoutePlan();
  routes_[model] = set->plan;
  Status kept = path_.empty() ? Status() : write_locked();
  if (kept.ok()) return set;
  if (had) {
    routes_[model] = old;
    (void)engine_.set_route(model, old, RouteOrigin::restored);
  } else {
    routes_.erase(model);
    (void)engine_.clear_route(model);
  }
  return kept;
}

Status RouteFile::clear(const std::string& model) {
  const std::lock_guard lock(mutex_);
  const auto found = routes_.find(model);
  if (found != routes_.end()) {
    auto node = routes_.extract(found);
    if (Status s = path_.empty() ? Status() : write_locked(); !s.ok()) {
      routes_.insert(std::move(node));
      return s;
    }
  }
  return engine_.clear_route(model);
}

Status RouteFile::write_locked() const {
  const std::string next = path_ + ".next";
  {
    const Fd fd(::open(next.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!fd) return cannot(next, "opened");
    if (!write_all(fd.get(), routes_json(routes_)) || ::fsync(fd.get()) != 0) {
      return cannot(next, "written");
    }
  }
  if (std::rename(next.c_str(), path_.c_str()) != 0) return cannot(path_, "replaced");
  sync_folder(path_);
  return {};
}

}  // namespace mlops
