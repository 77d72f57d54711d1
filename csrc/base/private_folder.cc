#include "base/private_folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

namespace mlops {
namespace {

namespace fs = std::filesystem;

bool ours(const struct stat& info) { return info.st_uid == 0 || info.st_uid == ::geteuid(); }

bool writable_by_others(const struct stat& info) { return (info.st_mode & 022U) != 0; }

std::string reason(int error) { return std::generic_category().message(error); }

Status others_could(const fs::path& part, const std::string& why) {
  return Status::invalid_argument("'" + part.string() + "' " + why);
}

// Of a folder above: others may put files beside ours where the sticky bit keeps them from moving
// ours away.
Status check_above(const fs::path& folder) {
  struct stat info {};
  if (::stat(folder.c_str(), &info) != 0) return others_could(folder, reason(errno));
  if (!ours(info)) return others_could(folder, "belongs to another user");
  if (writable_by_others(info) && (info.st_mode & S_ISVTX) == 0) {
    return others_could(folder, "can be written by other users");
  }
  return {};
}

}  // namespace

Status check_private_folder(const std::string& path) {
  std::error_code error;
  const fs::path real = fs::canonical(path, error);
  if (error) return Status::not_found("'" + path + "': " + error.message());
  struct stat info {};
  if (::stat(real.c_str(), &info) != 0) return others_could(real, reason(errno));
  if (!S_ISDIR(info.st_mode)) return others_could(real, "is not a folder");
  if (!ours(info)) return others_could(real, "belongs to another user");
  if (writable_by_others(info)) return others_could(real, "can be written by other users");
  for (fs::path above = real; above.has_relative_path();) {
    above = above.parent_path();
    if (Status s = check_above(above); !s.ok()) return s;
  }
  return {};
}

Status make_private_folder(const std::string& path) {
  const fs::path absolute = fs::absolute(path).lexically_normal();
  fs::path made;
  for (const fs::path& part : absolute) {
    made /= part;
    if (::mkdir(made.c_str(), 0700) != 0 && errno != EEXIST && errno != EROFS && errno != EACCES) {
      return others_could(made, "cannot be made: " + reason(errno));
    }
  }
  return check_private_folder(path);
}

Result<int> open_private_file(const std::string& path) {
  // O_NONBLOCK: opening a pipe that nobody writes to would wait forever.
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (file < 0) {
    const int error = errno;
    if (error == ENOENT) return Status::not_found("no file " + path);
    return others_could(path, "cannot be opened: " + reason(error));
  }
  struct stat info {};
  Status status;
  if (::fstat(file, &info) != 0) {
    status = others_could(path, reason(errno));
  } else if (!S_ISREG(info.st_mode)) {
    status = others_could(path, "is not a regular file");
  } else if (!ours(info) || writable_by_others(info)) {
    status = others_could(path, "can be written by other users");
  }
  if (status.ok()) return file;
  ::close(file);
  return status;
}

}  // namespace mlops
