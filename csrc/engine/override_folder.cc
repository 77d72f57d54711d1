#include "engine/override_folder.h"

#include <fcntl.h>
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

}  // namespace

Result<std::unique_ptr<OverrideFolder>> OverrideFolder::create(
    const std::string& scratch, const std::string& model, const std::vector<FileOverride>& files) {
  for (const FileOverride& file : files) {
    if (Status s = check_name(file.name); !s.ok()) return s;
  }
  std::string root = scratch + "/mlops-override-XXXXXX";
  if (!::mkdtemp(root.data())) return cannot("below '" + scratch + "'", errno);
  std::unique_ptr<OverrideFolder> folder(new OverrideFolder(root, root + "/" + model));
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
  fs::remove_all(root_, ignored);
}

}  // namespace mlops
