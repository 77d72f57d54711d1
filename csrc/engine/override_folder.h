#pragma once
// Files that a client sent with a load request, as a model folder of their own: private to this
// process's user, gone with the object.

#include <memory>
#include <string>
#include <vector>

#include "base/status.h"

namespace mlops {

struct FileOverride {
  std::string name;  // "<version>/<file>"
  std::string content;
};

class OverrideFolder {
 public:
  // Writes `files` below <scratch>/<something new>/<model>. Fails, and leaves nothing behind, when
  // a name would lead outside or cannot be written. Blocks on disk.
  static Result<std::unique_ptr<OverrideFolder>> create(const std::string& scratch,
                                                        const std::string& model,
                                                        const std::vector<FileOverride>& files);
  ~OverrideFolder();
  OverrideFolder(const OverrideFolder&) = delete;
  OverrideFolder& operator=(const OverrideFolder&) = delete;

  const std::string& model_path() const { return model_path_; }

 private:
  OverrideFolder(std::string root, std::string model_path)
      : root_(std::move(root)), model_path_(std::move(model_path)) {}

  std::string root_;
  std::string model_path_;
};

}  // namespace mlops
