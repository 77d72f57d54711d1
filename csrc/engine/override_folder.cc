#include "engine/override_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>

namespace mlops {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kNameBytesMax = 1024;
constexpr std::string_view kPrefix = "mlops-override-";
constexpr int kRootTries = 16;

// <version>/<file>, perhaps with folders between: external data of a model may have them.
Status check_name(const std::string& name) {
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 127; };
  const fs::path path(name);
  bool inside = !name.empty() && name.size() <= kNameBytesMax && path.is_relative() &&
                std::ranges::none_of(name, is_control) && path.has_filename() &&
                std::distance(path.begin(), path.end()) >= 2;
  for (const fs::path& part : path) inside = inside && part != ".." && part != ".";
  if (inside) return {};
  return Status::invalid_argument("'" + name.substr(0, 64) +
                                  "' is not of the form <version>/<file>");
}

Status cannot(const std::string& what, int error) {
  return Status::internal("cannot write " + what + ": " + std::strerror(error));
}

Status write_file(const std::string& path, const std::string& shown, const std::string& content) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (file < 0) return cannot("'" + shown + "'", errno);
  std::size_t written = 0;
  while (written < content.size()) {
    const ssize_t count = ::write(file, content.data() + written, content.size() - written);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      const int error = errno;
      ::close(file);
      return cannot("'" + shown + "'", error);
    }
    written += static_cast<std::size_t>(count);
  }
  if (::close(file) != 0) return cannot("'" + shown + "'", errno);
  return {};
}

// A lock says that its process lives: it goes with it however that ends, and is seen in other
// containers too, where process ids mean something else.
enum class Lock : std::uint8_t { ours, others, unsupported };

Lock try_lock(int folder) {
  if (::flock(folder, LOCK_EX | LOCK_NB) == 0) return Lock::ours;
  return errno == EWOULDBLOCK ? Lock::others : Lock::unsupported;
}

int open_folder(const std::string& path) {
  return ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

bool is_still_there(int folder, const std::string& path) {
  struct stat opened {};
  struct stat named {};
  return ::fstat(folder, &opened) == 0 && ::lstat(path.c_str(), &named) == 0 &&
         opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

bool is_of_this_user(int folder) {
  struct stat facts {};
  return ::fstat(folder, &facts) == 0 && facts.st_uid == ::geteuid();
}

}  // namespace

Result<OverrideFolder::Root> OverrideFolder::make_root(const std::string& scratch) {
  // A server that starts just now may take the new folder for one that was left behind.
  for (int i = 0; i < kRootTries; ++i) {
    std::string path = (scratch + "/").append(kPrefix).append("XXXXXX");
    if (!::mkdtemp(path.data())) return cannot("below '" + scratch + "'", errno);
    const int folder = open_folder(path);
    if (folder < 0) continue;
    if (try_lock(folder) != Lock::others && is_still_there(folder, path)) {
      return Root{std::move(path), folder};
    }
    ::close(folder);
  }
  return Status::internal("others remove what is made below '" + scratch + "'");
}

Result<std::unique_ptr<OverrideFolder>> OverrideFolder::create(
    const std::string& scratch, const std::string& model, const std::vector<FileOverride>& files) {
  for (const FileOverride& file : files) {
    if (Status s = check_name(file.name); !s.ok()) return s;
  }
  Result<Root> root = make_root(scratch);
  if (!root.ok()) return root.status();
  std::unique_ptr<OverrideFolder> folder(new OverrideFolder(*std::move(root), model));
  for (const FileOverride& file : files) {
    const fs::path path = fs::path(folder->model_path_) / file.name;
    std::error_code error;
    fs::create_directories(path.parent_path(), error);
    if (error) return cannot("'" + file.name.substr(0, 64) + "'", error.value());
    if (Status s = write_file(path.string(), file.name.substr(0, 64), file.content); !s.ok()) {
      return s;
    }
  }
  return folder;
}

OverrideFolder::~OverrideFolder() {
  std::error_code ignored;
  fs::remove_all(root_.path, ignored);
  ::close(root_.lock);
}

std::size_t OverrideFolder::remove_left_behind(const std::string& scratch) {
  std::size_t removed = 0;
  std::error_code error;
  // Not an iterator's ++ that throws: others come and go below /tmp.
  for (fs::directory_iterator entry(scratch, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string path = entry->path().string();
    if (!entry->path().filename().string().starts_with(kPrefix)) continue;
    const int folder = open_folder(path);
    if (folder < 0) continue;
    if (is_of_this_user(folder) && try_lock(folder) == Lock::ours && is_still_there(folder, path)) {
      std::error_code failed;
      fs::remove_all(path, failed);
      if (!failed) ++removed;
    }
    ::close(folder);
  }
  return removed;
}

}  // namespace mlops
