#pragma once
// A model repository of an object store, mirrored into a folder that serves as one.
//
// Each model is a link to a tree of its own, made whole before the link turns to it, so that nobody
// ever sees half a model; files whose ETag and size are the same are hard links to those of the
// tree before, so that their times stay and nothing unchanged is loaded anew. What cannot be
// fetched leaves the model as it was. Blocks; one call at a time.
//
//   <folder>/models/<model> -> ../trees/<model>@<digest>     the repository
//   <folder>/manifests/<model>@<digest>                      what the tree was made of

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "net/fd.h"
#include "store/s3_client.h"

namespace mlops {

class S3Mirror {
 public:
  // Takes the folder for itself: a second mirror of it, in any process, is refused.
  static Result<std::unique_ptr<S3Mirror>> open(const std::string& folder, S3Location location,
                                                const S3Access& access, LogSink& log);

  const std::string& repository() const { return models_; }
  // Brings one model, or with an empty name all of them, up to date. Does what can be done, and
  // fails with the first failure.
  Status refresh(const std::string& model);
  void interrupt() noexcept { client_.interrupt(); }

 private:
  using Files = std::map<std::string, S3Object>;  // by path inside the model

  S3Mirror(const std::string& folder, S3Location location, const S3Access& access, LogSink& log);
  Result<std::map<std::string, Files>> list(const std::string& model);
  Status bring(const std::string& model, const Files& files);
  Status make_tree(const std::string& tree, const Files& files, const std::string& old_tree);
  Status fetch(const S3Object& object, const std::string& path);
  Files read_manifest(const std::string& tree) const;
  Status write_manifest(const std::string& tree, const Files& files) const;
  std::string current_tree(const std::string& model) const;  // its name; empty: none
  void remove_leftovers() const;

  const std::string folder_;
  const std::string models_;
  LogSink& log_;
  S3Client client_;
  Fd lock_;
};

}  // namespace mlops
