#include "admin/route_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "model/text_file.h"
#include "net/fd.h"
#include "protocol/route_json.h"

namespace mlops {
namespace {

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
  std::unique_ptr<RouteFile> file(new RouteFile(std::move(path), engine));
  if (Status s = file->restore(log); !s.ok()) return s;
  return file;
}

Status RouteFile::restore(LogSink& log) {
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
    log.log(Severity::info, "the route of model '" + model + "' is as it was: stable is version " +
                                std::to_string(plan.stable));
  }
  return {};
}

Result<RouteStatus> RouteFile::set(const std::string& model, RoutePlan plan) {
  const std::lock_guard lock(mutex_);
  Result<RouteStatus> set = engine_.set_route(model, std::move(plan));
  if (!set.ok() || path_.empty()) return set;
  const auto before = routes_.find(model);
  const bool had = before != routes_.end();
  const RoutePlan old = had ? before->second : RoutePlan();
  routes_[model] = set->plan;
  Status kept = write_locked();
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
    if (Status s = write_locked(); !s.ok()) {
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
