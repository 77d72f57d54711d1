// One model's folder becomes what serves. The rest of repository_control.h decides which and when.

#include <algorithm>
#include <charconv>

#include "engine/repository_control.h"

namespace mlops {
namespace {

constexpr std::string_view kLabelParameter = "version_label.";

// parameters { key: "version_label.canary" value: { string_value: "3" } }
Status read_labels(const ModelFolder& folder, const std::vector<std::int64_t>& served,
                   std::map<std::string, std::int64_t>& labels) {
  if (!folder.config) return {};
  for (const auto& [key, value] : folder.config->parameters) {
    if (!key.starts_with(kLabelParameter)) continue;
    std::int64_t version = 0;
    const char* end = value.data() + value.size();
    const auto [stop, error] = std::from_chars(value.data(), end, version);
    if (error != std::errc() || stop != end || std::ranges::count(served, version) == 0) {
      return Status::invalid_argument("parameter '" + key + "' is '" + value +
                                      "', which is no version that serves");
    }
    labels[key.substr(kLabelParameter.size())] = version;
  }
  return {};
}

}  // namespace

Status poll_failure(const std::string& model, const std::string& why) {
  return Status::internal("failed to load '" + model +
                          "', failed to poll from model repository: " + why);
}

std::set<std::string> members_of(const ModelFolder& folder) {
  std::set<std::string> members;
  if (!folder.config || !folder.config->ensemble) return members;
  for (const EnsembleStep& step : *folder.config->ensemble) members.insert(step.model);
  return members;
}

Status RepositoryControl::refuse(const ModelFolder& folder, bool at_start) {
  const std::string reason = folder.status.message();
  // A folder without anything in it is not a broken model, unless somebody asked for it by name.
  const bool by_name = options_.mode == RepositoryMode::explicit_loads;
  const bool empty = folder.status.code() == Code::not_found && !by_name;
  log_.log(empty ? Severity::warning : Severity::error,
           "model '" + folder.name + "' was not loaded: " + reason);
  if (!serves(folder.name)) state_.set(folder.name, 0, ModelState::unavailable, reason);
  if (empty) return {};
  if (at_start) note_failed(folder.name, true);
  return poll_failure(folder.name, reason);
}

Status RepositoryControl::apply(const ModelFolder& folder, bool at_start) {
  if (!folder.status.ok()) return refuse(folder, at_start);
  const std::vector<std::int64_t> wanted = folder.served_versions();
  if (wanted.empty()) {
    Status none = Status::internal("failed to load '" + folder.name + "', no version is available");
    if (!serves(folder.name)) {
      state_.set(folder.name, 0, ModelState::unavailable, "no version is available");
    }
    if (at_start) note_failed(folder.name, true);
    return none;
  }
  Source& source = source_of(folder.name);
  ModelSet set;
  set.name = folder.name;
  Status status = read_labels(folder, wanted, set.labels);
  for (const std::int64_t version : wanted) {
    const auto served = source.served.find(version);
    const bool same = served != source.served.end() &&
                      served->second == folder.versions.at(version) &&
                      state_.is(folder.name, version, ModelState::ready);
    if (same) {
      set.keep.push_back(version);
      continue;
    }
    ModelSource from = model_source(folder, version);
    from.in_background = !at_start;
    from.required = at_start;
    set.load.push_back(std::move(from));
  }
  if (status.ok() && made_of_itself(folder)) {
    status = Status::invalid_argument("ensemble '" + folder.name + "' is made of itself");
  }
  const bool tried = status.ok();
  if (tried) status = serve(folder, set, source);
  if (!status.ok()) {
    log_.log(Severity::error, status.message());
    if (!tried && !serves(folder.name)) {
      state_.set(folder.name, 0, ModelState::unavailable, status.message());
    }
    if (at_start) note_failed(folder.name, true);
    return status;
  }
  note_failed(folder.name, false);
  source.members = members_of(folder);
  if (!at_start && !set.load.empty()) renew_ensembles_of(folder.name);
  return {};
}

// Through whatever other ensembles.
bool RepositoryControl::made_of_itself(const ModelFolder& folder) const {
  const std::lock_guard lock(sources_mutex_);
  std::set<std::string> reached = members_of(folder);
  for (std::size_t before = 0; before != reached.size();) {
    before = reached.size();
    for (const std::string& name : std::set<std::string>(reached)) {
      const auto known = sources_.find(name);
      if (known == sources_.end()) continue;
      reached.insert(known->second.members.begin(), known->second.members.end());
    }
  }
  return reached.contains(folder.name);
}

Status RepositoryControl::renew_labels() {
  const Change change(*this);
  std::set<std::string> names;
  for (const ModelInfo& info : engine_.models()) names.insert(info.name);
  Status failure;
  for (const std::string& name : names) {
    const Result<ModelInfo> info = engine_.info(name, kAnyVersion);
    const ModelFolder folder = find_folder(name);
    if (!info.ok() || !folder.status.ok()) continue;
    ModelSet set;
    set.name = name;
    set.keep = state_.versions(name, ModelState::ready);
    Status status = read_labels(folder, set.keep, set.labels);
    if (status.ok() && set.labels == info->version_labels) continue;
    if (status.ok()) {
      const std::vector<Status> statuses = engine_.replace(set);
      if (!statuses.empty()) status = statuses.front();
    }
    if (!status.ok() && failure.ok()) {
      failure = Status(status.code(), "model '" + name + "': " + status.message());
    }
  }
  return failure;
}

Status RepositoryControl::serve(const ModelFolder& folder, const ModelSet& set, Source& source) {
  const std::string& name = folder.name;
  const std::vector<std::int64_t> before = state_.versions(name, ModelState::ready);
  for (const ModelSource& from : set.load) state_.set(name, from.version, ModelState::loading);
  const std::vector<Status> statuses = engine_.replace(set);
  Status failure;
  std::string text;
  for (std::size_t i = 0; i < statuses.size(); ++i) {
    if (statuses[i].ok()) continue;
    if (failure.ok()) failure = statuses[i];
    const std::string version = i < set.load.size() ? std::to_string(set.load[i].version) : "?";
    text += " version " + version + " is at UNAVAILABLE state: " + statuses[i].message() + ";";
  }
  for (std::size_t i = 0; i < set.load.size(); ++i) {
    const std::int64_t version = set.load[i].version;
    const bool had = std::ranges::count(before, version) > 0;
    const std::string why = i < statuses.size() && !statuses[i].ok()
                                ? statuses[i].message()
                                : std::string("another version could not be loaded");
    if (failure.ok()) {
      state_.set(name, version, ModelState::ready);
    } else if (had) {
      state_.set(name, version, ModelState::ready, "the last reload failed: " + why);
    } else {
      state_.set(name, version, ModelState::unavailable, why);
    }
  }
  if (!failure.ok()) {
    return Status(failure.code(), "load failed for model '" + name + "':" + text);
  }
  source.served.clear();
  for (const std::int64_t version : folder.served_versions()) {
    source.served[version] = folder.versions.at(version);
  }
  for (const std::int64_t version : before) {
    if (source.served.contains(version)) continue;
    state_.set(name, version, ModelState::unloading);
    state_.set(name, version, ModelState::unavailable, "unloaded");
  }
  return {};
}

// What an ensemble was checked against may have changed. It holds no weights: made anew at once.
void RepositoryControl::renew_ensembles_of(const std::string& member) {
  std::vector<std::string> ensembles;
  {
    const std::lock_guard lock(sources_mutex_);
    for (auto& [name, source] : sources_) {
      if (!source.members.contains(member)) continue;
      source.served.clear();
      ensembles.push_back(name);
    }
  }
  for (const std::string& name : ensembles) {
    if (serves(name)) (void)apply(find_folder(name), false);  // logs, and says so in the index
  }
}

}  // namespace mlops
