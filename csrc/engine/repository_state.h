#pragma once
// What is known of every model of the repositories: which versions are in which state and why. Only
// a record: repository_control.h acts.
// Thread-safe, never blocks for long: event loops may ask.

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "model/lifecycle.h"

namespace mlops {

struct IndexEntry {
  std::string name;
  std::int64_t version = 0;  // 0: it is about the model; without a reason nothing is known
  ModelState state = ModelState::unavailable;
  std::string reason;
};

class RepositoryState {
 public:
  // Version 0 is the model as a whole, as long as there is nothing to say of a version.
  void set(const std::string& model, std::int64_t version, ModelState state,
           const std::string& reason = {});
  void forget(const std::string& model);
  bool is(const std::string& model, std::int64_t version, ModelState state) const;
  std::vector<std::int64_t> versions(const std::string& model, ModelState state) const;

  // By name and version.
  std::vector<IndexEntry> entries(bool ready_only) const;

 private:
  struct Version {
    ModelState state = ModelState::unavailable;
    std::string reason;
  };
  mutable std::mutex mutex_;
  std::map<std::string, std::map<std::int64_t, Version>> models_;  // guarded by mutex_
};

}  // namespace mlops
