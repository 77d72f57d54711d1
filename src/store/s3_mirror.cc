#include "store/s3_mirror.h"

#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <set>

#include "model/model_folder.h"
#include "model/text_file.h"

namespace mlops {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kManifestBytesMax = std::size_t{64} << 20;
constexpr std::size_t kPathBytesMax = 1024;

Status disk_failure(const std::string& path, const std::string& why) {
  return Status::unavailable("the cache of the model repository: " + path + ": " + why);
}

// Relative, without "." and "..", and without what a manifest's lines could not hold.
bool is_safe_path(std::string_view path) {
  if (path.empty() || path.size() > kPathBytesMax) return false;
  for (std::string_view rest = path; true;) {
    const std::string_view segment = rest.substr(0, rest.find('/'));
    if (segment.empty() || segment == "." || segment == ".." || segment.size() > 255) return false;
    if (std::ranges::any_of(segment, [](char c) { return static_cast<unsigned char>(c) < ' '; })) {
      return false;
    }
    if (segment.size() == rest.size()) return true;
    rest.remove_prefix(segment.size() + 1);
  }
}

// "<size> <etag> <path>": ETags have no spaces, and what is hidden from a store is not in a path.
std::string manifest_text(const std::map<std::string, S3Object>& files) {
  std::string text;
  for (const auto& [path, object] : files) {
    text += std::to_string(object.size) + " " + object.etag + " " + path + "\n";
  }
  return text;
}

bool is_etag(std::string_view etag) {
  return etag.size() <= 256 && std::ranges::all_of(etag, [](char c) { return c > ' ' && c < 127; });
}

Status write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return Status::unavailable(std::strerror(errno));
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

}  // namespace

S3Mirror::S3Mirror(const std::string& folder, S3Location location, const S3Access& access,
                   LogSink& log)
    : folder_(folder),
      models_(folder + "/models"),
      log_(log),
      client_(std::move(location), access) {}

Result<std::unique_ptr<S3Mirror>> S3Mirror::open(const std::string& folder, S3Location location,
                                                 const S3Access& access, LogSink& log) {
  for (const char* part : {"/models", "/trees", "/manifests"}) {
    std::error_code failed;
    fs::create_directories(folder + part, failed);
    if (failed) return disk_failure(folder + part, failed.message());
  }
  std::error_code ignored;
  fs::permissions(folder, fs::perms::owner_all, ignored);
  std::unique_ptr<S3Mirror> mirror(new S3Mirror(folder, std::move(location), access, log));
  const std::string path = folder + "/lock";
  mirror->lock_ = Fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!mirror->lock_) return disk_failure(path, std::strerror(errno));
  if (::flock(mirror->lock_.get(), LOCK_EX | LOCK_NB) != 0) {
    return disk_failure(folder, "another server uses it");
  }
  mirror->remove_leftovers();
  return mirror;
}

Status S3Mirror::refresh(const std::string& model) {
  if (!model.empty()) {
    if (Status s = check_model_name(model); !s.ok()) return s;
  }
  const Result<std::map<std::string, Files>> listed = list(model);
  if (!listed.ok()) return listed.status();
  // Trees that nothing led to since the last time: who was reading them has finished.
  remove_leftovers();
  Status failure;
  for (const auto& [name, files] : *listed) {
    Status status = bring(name, files);
    if (status.ok()) continue;
    log_.log(Severity::error, "model '" + name + "' stays as it was: " + status.message());
    if (failure.ok()) failure = std::move(status);
  }
  std::error_code error;
  for (fs::directory_iterator it(models_, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    const bool asked = model.empty() || name == model;
    std::error_code ignored;
    if (asked && !listed->contains(name)) fs::remove(it->path(), ignored);
  }
  return failure;
}

Result<std::map<std::string, S3Mirror::Files>> S3Mirror::list(const std::string& model) {
  Result<std::vector<S3Object>> objects = client_.list(model.empty() ? "" : model + "/");
  if (!objects.ok()) return objects.status();
  std::map<std::string, Files> models;
  for (S3Object& object : *objects) {
    const std::size_t slash = object.key.find('/');
    // A file beside the models, or a marker of a folder.
    if (slash == object.key.npos || object.key.ends_with('/')) continue;
    const std::string name = object.key.substr(0, slash);
    const std::string path = object.key.substr(slash + 1);
    if (name.starts_with('.') || !check_model_name(name).ok() || !is_safe_path(path) ||
        !is_etag(object.etag)) {
      log_.log(Severity::warning,
               "an object of the model repository has a name that cannot be a "
               "file's, and is left out");
      continue;
    }
    models[name].emplace(path, std::move(object));
  }
  return models;
}

Status S3Mirror::bring(const std::string& model, const Files& files) {
  const std::string tree = model + "@" + sha256_hex(manifest_text(files)).substr(0, 32);
  const std::string old_tree = current_tree(model);
  if (old_tree == tree) return {};
  const std::string path = folder_ + "/trees/" + tree;
  std::error_code ignored;
  if (!fs::is_directory(path, ignored)) {
    if (Status s = make_tree(tree, files, old_tree); !s.ok()) {
      fs::remove_all(path + ".part", ignored);
      return s;
    }
  }
  const std::string link = models_ + "/" + model;
  const std::string fresh = folder_ + "/link";
  std::error_code failed;
  fs::remove(fresh, ignored);
  fs::create_symlink("../trees/" + tree, fresh, failed);
  if (!failed) fs::rename(fresh, link, failed);
  return failed ? disk_failure(link, failed.message()) : Status();
}

Status S3Mirror::make_tree(const std::string& tree, const Files& files,
                           const std::string& old_tree) {
  const std::string path = folder_ + "/trees/" + tree;
  const std::string part = path + ".part";
  const Files old_files = old_tree.empty() ? Files() : read_manifest(old_tree);
  std::error_code failed;
  fs::remove_all(part, failed);
  for (const auto& [name, object] : files) {
    const fs::path target = fs::path(part) / name;
    fs::create_directories(target.parent_path(), failed);
    if (failed) return disk_failure(target.string(), failed.message());
    const auto same = old_files.find(name);
    const bool unchanged = same != old_files.end() && !object.etag.empty() &&
                           same->second.etag == object.etag && same->second.size == object.size;
    if (unchanged) {
      fs::create_hard_link(folder_ + "/trees/" + old_tree + "/" + name, target, failed);
      if (!failed) continue;
    }
    if (Status s = fetch(object, target.string()); !s.ok()) return s;
  }
  if (Status s = write_manifest(tree, files); !s.ok()) return s;
  fs::rename(part, path, failed);
  return failed ? disk_failure(path, failed.message()) : Status();
}

Status S3Mirror::fetch(const S3Object& object, const std::string& path) {
  const Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file) return disk_failure(path, std::strerror(errno));
  Status written;
  const Status fetched = client_.fetch(object, [&](std::string_view piece) {
    written = write_all(file.get(), piece);
    return written;
  });
  if (!written.ok()) return disk_failure(path, written.message());
  return fetched;
}

S3Mirror::Files S3Mirror::read_manifest(const std::string& tree) const {
  Files files;
  const Result<std::string> text = read_file(folder_ + "/manifests/" + tree, kManifestBytesMax);
  if (!text.ok()) return files;
  for (std::string_view rest = *text; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    const std::size_t first = line.find(' ');
    const std::size_t second = first == line.npos ? line.npos : line.find(' ', first + 1);
    if (second == line.npos) continue;
    S3Object object;
    std::from_chars(line.data(), line.data() + first, object.size);
    object.etag = line.substr(first + 1, second - first - 1);
    files.emplace(line.substr(second + 1), std::move(object));
  }
  return files;
}

Status S3Mirror::write_manifest(const std::string& tree, const Files& files) const {
  const std::string path = folder_ + "/manifests/" + tree;
  const Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!file) return disk_failure(path, std::strerror(errno));
  const Status written = write_all(file.get(), manifest_text(files));
  return written.ok() ? written : disk_failure(path, written.message());
}

std::string S3Mirror::current_tree(const std::string& model) const {
  std::error_code none;
  const fs::path target = fs::read_symlink(models_ + "/" + model, none);
  return none ? std::string() : target.filename().string();
}

void S3Mirror::remove_leftovers() const {
  std::set<std::string> used;
  std::error_code error;
  for (fs::directory_iterator it(models_, error), end; !error && it != end; it.increment(error)) {
    used.insert(current_tree(it->path().filename().string()));
  }
  for (const char* part : {"/trees", "/manifests"}) {
    std::error_code failed;
    for (fs::directory_iterator it(folder_ + part, failed), end; !failed && it != end;
         it.increment(failed)) {
      std::error_code ignored;
      if (!used.contains(it->path().filename().string())) fs::remove_all(it->path(), ignored);
    }
  }
}

}  // namespace mlops
