// What the load generator's tests share: a file that goes away with its object.
#pragma once

#include <stdlib.h>
#include <unistd.h>

#include <string>

namespace mlops::loadgen {

class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& bytes) {
    const int fd = mkstemp(path_.data());
    [[maybe_unused]] const ssize_t written = write(fd, bytes.data(), bytes.size());
    close(fd);
  }
  ~TemporaryFile() { unlink(path_.c_str()); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_ = "/tmp/mlops-loadgen-XXXXXX";
};

}  // namespace mlops::loadgen
