#pragma once
// Name and version to loaded model. Readers get a shared pointer and keep what they got; a change
// affects the next look-up only, and all versions of a model change at once. A version may have
// labels; the one that is labelled "stable", or else the newest, answers who asks for none.
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

  using Labels = std::map<std::string, std::int64_t, std::less<>>;

  // What a model is to consist of: `put` is added or takes the place of what is there, `keep`
  // stays, everything else goes.
  struct Change {
    std::map<std::int64_t, Entry> put;
    std::vector<std::int64_t> keep;
    Labels labels;
  };

  // Returns what went, for the caller to wind down.
  std::vector<Entry> replace(const std::string& name, Change change) {
    const std::lock_guard lock(mutex_);
    Model& model = models_[name];
    std::vector<Entry> gone;
    for (auto& [version, entry] : model.versions) {
      const bool kept = std::ranges::count(change.keep, version) > 0;
      if (kept && !change.put.contains(version)) {
        change.put.emplace(version, std::move(entry));
      } else {
        gone.push_back(std::move(entry));
      }
    }
    model.versions = std::move(change.put);
    model.labels = std::move(change.labels);
    if (model.versions.empty()) models_.erase(name);
    return gone;
  }

  // Returns the entry that this one replaced, for the caller to wind down.
  Entry put(const std::string& name, std::int64_t version, Entry entry) {
    const std::lock_guard lock(mutex_);
    return std::exchange(models_[name].versions[version], std::move(entry));
  }

  Entry take(const std::string& name, std::int64_t version) {
    const std::lock_guard lock(mutex_);
    const auto model = models_.find(name);
    if (model == models_.end()) return nullptr;
    auto node = model->second.versions.extract(version);
    if (model->second.versions.empty()) models_.erase(model);
    return node.empty() ? nullptr : std::move(node.mapped());
  }

  Result<Entry> find(std::string_view name, std::int64_t version) const {
    const std::lock_guard lock(mutex_);
    const auto model = models_.find(name);
    if (model == models_.end()) return unknown(name, version);
    const auto& versions = model->second.versions;
    const auto found = versions.find(version == kNewest ? model->second.first_choice() : version);
    if (found == versions.end()) return unknown(name, version);
    return found->second;
  }

  Result<Entry> find_label(std::string_view name, std::string_view label) const {
    const std::lock_guard lock(mutex_);
    const auto model = models_.find(name);
    if (model == models_.end()) return unknown(name, kNewest);
    const auto labelled = model->second.labels.find(label);
    if (labelled != model->second.labels.end()) {
      const auto found = model->second.versions.find(labelled->second);
      if (found != model->second.versions.end()) return found->second;
    }
    return Status::not_found("Request for unknown model: '" + std::string(name.substr(0, 256)) +
                             "' has no version labelled '" + std::string(label.substr(0, 256)) +
                             "'");
  }

  Labels labels(std::string_view name) const {
    const std::lock_guard lock(mutex_);
    const auto model = models_.find(name);
    return model == models_.end() ? Labels() : model->second.labels;
  }

  std::vector<std::int64_t> versions(std::string_view name) const {
    const std::lock_guard lock(mutex_);
    std::vector<std::int64_t> found;
    if (const auto model = models_.find(name); model != models_.end()) {
      for (const auto& [version, entry] : model->second.versions) found.push_back(version);
    }
    return found;
  }

  std::vector<Entry> all() const {
    const std::lock_guard lock(mutex_);
    std::vector<Entry> entries;
    for (const auto& [name, model] : models_) {
      for (const auto& [version, entry] : model.versions) entries.push_back(entry);
    }
    return entries;
  }

 private:
  struct Model {
    std::map<std::int64_t, Entry> versions;
    Labels labels;

    // Not called without versions.
    std::int64_t first_choice() const {
      const auto stable = labels.find("stable");
      const bool chosen = stable != labels.end() && versions.contains(stable->second);
      return chosen ? stable->second : versions.rbegin()->first;
    }
  };

  static Status unknown(std::string_view name, std::int64_t version) {
    std::string text = "Request for unknown model: '" + std::string(name.substr(0, 256)) + "'";
    if (version != kNewest) text += " version " + std::to_string(version);
    return Status::not_found(text + " is not found");
  }

  mutable std::mutex mutex_;
  std::map<std::string, Model, std::less<>> models_;  // guarded by mutex_
};

}  // namespace mlops
