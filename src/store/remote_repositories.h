#pragma once
// The model repositories of a server, wherever they are: those of object stores through mirrors.

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/log.h"
#include "store/s3_mirror.h"

namespace mlops {

class RemoteRepositories {
 public:
  // `places` are folders or s3:// locations; mirrors lie below `cache`. Reaches for nothing yet.
  static Result<std::unique_ptr<RemoteRepositories>> open(const std::vector<std::string>& places,
                                                          const std::string& cache,
                                                          const S3Access& access, LogSink& log);

  // Folders, one for each place.
  const std::vector<std::string>& directories() const { return directories_; }
  bool any() const { return !mirrors_.empty(); }
  // Brings one model, or with an empty name all of them, up to date in every mirror. Blocks.
  Status refresh(const std::string& model);
  // Ends what is being fetched, and refuses to fetch more. Any thread.
  void interrupt() noexcept;

 private:
  std::vector<std::string> directories_;
  std::vector<std::unique_ptr<S3Mirror>> mirrors_;
};

}  // namespace mlops
