#pragma once
// Name and version to loaded model. Readers get a shared pointer and keep what they got; a change
// affects the next look-up only.
// Thread-safe; one short lock, never held while a model is destroyed.

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace mlops {

template <class Served>
class Catalog {
 public:
  using Entry = std::shared_ptr<Served>;
  static constexpr std::int64_t kNewest = -1;

  // Returns the entry that this one replaced, for the caller to wind down.
  Entry put(const std::string& name, std::int64_t version, Entry entry) {
    const std::lock_guard lock(mutex_);
    return std::exchange(models_[name][version], std::move(entry));
  }

  Entry take(const std::string& name, std::int64_t version) {
    const std::lock_guard lock(mutex_);
    const auto model = models_.find(name);
    if (model == models_.end()) return nullptr;
    auto node = model->second.extract(version);
    if (model->second.empty()) models_.erase(model);
    return node.empty() ? nullptr : std::move(node.mapped());
  }

  Result<Entry> find(std::string_view name, std::int64_t version) const {
    const std::lock_guard lock(mutex_);
    const auto model = models_.find(name);
    if (model == models_.end()) return unknown(name, version);
    if (version == kNewest) return model->second.rbegin()->second;
    const auto found = model->second.find(version);
    if (found == model->second.end()) return unknown(name, version);
    return found->second;
  }

  std::vector<std::int64_t> versions(std::string_view name) const {
    const std::lock_guard lock(mutex_);
    std::vector<std::int64_t> found;
    if (const auto model = models_.find(name); model != models_.end()) {
      for (const auto& [version, entry] : model->second) found.push_back(version);
    }
    return found;
  }

  std::vector<Entry> all() const {
    const std::lock_guard lock(mutex_);
    std::vector<Entry> entries;
    for (const auto& [name, by_version] : models_) {
      for (const auto& [version, entry] : by_version) entries.push_back(entry);
    }
    return entries;
  }

 private:
  static Status unknown(std::string_view name, std::int64_t version) {
    std::string text = "Request for unknown model: '" + std::string(name.substr(0, 256)) + "'";
    if (version != kNewest) text += " version " + std::to_string(version);
    return Status::not_found(text + " is not found");
  }

  mutable std::mutex mutex_;
  std::map<std::string, std::map<std::int64_t, Entry>, std::less<>> models_;  // guarded by mutex_
};

}  // namespace mlops
