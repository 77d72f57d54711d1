#include "engine/repository_state.h"

#include <cassert>

namespace mlops {

void RepositoryState::set(const std::string& model, std::int64_t version, ModelState state,
                          const std::string& reason) {
  const std::lock_guard lock(mutex_);
  auto& versions = models_[model];
  if (version != 0) versions.erase(0);  // now there is more to say than that
  const auto [entry, fresh] = versions.try_emplace(version);
  assert(fresh || may_become(entry->second.state, state));
  entry->second = {state, reason};
}

void RepositoryState::forget(const std::string& model) {
  const std::lock_guard lock(mutex_);
  models_.erase(model);
}

bool RepositoryState::is(const std::string& model, std::int64_t version, ModelState state) const {
  const std::lock_guard lock(mutex_);
  const auto found = models_.find(model);
  if (found == models_.end()) return false;
  const auto known = found->second.find(version);
  return known != found->second.end() && known->second.state == state;
}

std::vector<std::int64_t> RepositoryState::versions(const std::string& model,
                                                    ModelState state) const {
  const std::lock_guard lock(mutex_);
  std::vector<std::int64_t> in_state;
  const auto found = models_.find(model);
  if (found == models_.end()) return in_state;
  for (const auto& [version, known] : found->second) {
    if (known.state == state) in_state.push_back(version);
  }
  return in_state;
}

std::vector<IndexEntry> RepositoryState::entries(bool ready_only) const {
  const std::lock_guard lock(mutex_);
  std::vector<IndexEntry> entries;
  for (const auto& [name, versions] : models_) {
    for (const auto& [version, known] : versions) {
      if (ready_only && known.state != ModelState::ready) continue;
      entries.push_back({name, version, known.state, known.reason});
    }
  }
  return entries;
}

}  // namespace mlops
