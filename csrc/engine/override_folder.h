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
  // Removes what processes of this user that were killed have left below `scratch`; what belongs to
  // one that lives, here or in another container, stays. Returns how many. Blocks on disk.
  static std::size_t remove_left_behind(const std::string& scratch);
  ~OverrideFolder();
  OverrideFolder(const OverrideFolder&) = delete;
  OverrideFolder& operator=(const OverrideFolder&) = delete;

  const std::string& model_path() const { return model_path_; }

 private:
  struct Root {
    std::string path;
    int lock;  // its descriptor, locked as long as this process lives
  };

  OverrideFolder(Root root, const std::string& model)
      : root_(std::move(root)), model_path_(root_.path + "/" + model) {}
  static Result<Root> make_root(const std::string& scratch);

  const Root root_;
  const std::string model_path_;
};

}  // namespace mlops
