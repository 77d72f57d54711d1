#include "engine/repository_control.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <filesystem>

namespace mlops {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kGone = 1;  // in the place of a folder's digest

Status not_explicit() {
  return Status::unavailable("explicit model load / unload is not allowed if polling is enabled");
}

std::uint64_t digest_of(const ModelFolder& folder) {
  std::uint64_t digest = std::hash<std::string>()(folder.status.message()) | 2;  // never kGone or 0
  for (const auto& [version, of_version] : folder.versions) {
    digest = digest * 0x100000001b3U + static_cast<std::uint64_t>(version);
    digest = digest * 0x100000001b3U + of_version;
  }
  return digest | 2;
}

}  // namespace

RepositoryControl::RepositoryControl(Engine& engine, LogSink& log, RepositoryOptions options)
    : engine_(engine), log_(log), options_(std::move(options)) {}

RepositoryControl::~RepositoryControl() {
  poll_thread_.request_stop();
  if (poll_thread_.joinable()) poll_thread_.join();
}

bool RepositoryControl::ready() const {
  const std::lock_guard lock(sources_mutex_);
  return failed_.empty();
}

void RepositoryControl::note_failed(const std::string& model, bool failed) {
  const std::lock_guard lock(sources_mutex_);
  if (failed) {
    failed_.insert(model);
  } else {
    failed_.erase(model);
  }
}

RepositoryControl::Source& RepositoryControl::source_of(const std::string& model) {
  const std::lock_guard lock(sources_mutex_);
  return sources_[model];
}

bool RepositoryControl::serves(const std::string& model) const {
  return !state_.versions(model, ModelState::ready).empty();
}

ModelFolder RepositoryControl::checked(ModelFolder folder) const {
  for (const std::string& unused : folder.unused) {
    log_.log(Severity::warning,
             "model '" + folder.name + "': " + unused + " is known and has no effect here");
  }
  if (options_.config_required && !folder.config && folder.status.ok()) {
    folder.status = Status::invalid_argument("there is no " + std::string(kConfigFile) +
                                             ", and configurations are not to be inferred");
  }
  return folder;
}

Status RepositoryControl::refresh(const std::string& model) const {
  return options_.refresh ? options_.refresh(model) : Status();
}

// Every model of every directory; one that is in two of them is neither.
Result<std::vector<ModelFolder>> RepositoryControl::read_folders() const {
  std::map<std::string, ModelFolder> folders;
  for (const std::string& directory : options_.directories) {
    Result<std::vector<ModelFolder>> found = read_repository(directory);
    if (!found.ok()) return found.status();
    for (ModelFolder& folder : *found) {
      const auto [known, fresh] = folders.try_emplace(folder.name, folder);
      if (!fresh) {
        known->second.versions.clear();
        known->second.status = Status::invalid_argument("not unique across all model repositories");
      }
    }
  }
  std::vector<ModelFolder> all;
  for (auto& [name, folder] : folders) all.push_back(std::move(folder));
  return all;
}

// Where a load request's model comes from: what was sent with the last request, else a directory.
ModelFolder RepositoryControl::find_folder(const std::string& model) {
  const Source& source = source_of(model);
  if (source.files) return checked(read_model_folder(source.files->model_path(), source.given));
  std::vector<std::string> places;
  for (const std::string& directory : options_.directories) {
    std::error_code ignored;
    const fs::path path = fs::path(directory) / model;
    if (fs::is_directory(path, ignored)) places.push_back(path.string());
  }
  if (places.size() == 1) return checked(read_model_folder(places.front(), source.given));
  ModelFolder missing;
  missing.name = model;
  missing.status = places.empty()
                       ? Status::not_found("model not found in any model repository")
                       : Status::invalid_argument("not unique across all model repositories");
  return missing;
}

Status RepositoryControl::start() {
  const Change change(*this);
  if (options_.mode == RepositoryMode::explicit_loads) {
    const std::size_t left = OverrideFolder::remove_left_behind(options_.scratch_directory);
    if (left > 0) {
      log_.log(Severity::info, "removed the files of " + std::to_string(left) +
                                   " load requests that a killed server had left in " +
                                   options_.scratch_directory);
    }
  }
  const auto& wanted = options_.load_at_start;
  const bool all =
      options_.mode != RepositoryMode::explicit_loads || std::ranges::count(wanted, "*") > 0;
  if (all) {
    // What was brought before the store went away still serves.
    const Status fresh = refresh("");
    Result<std::vector<ModelFolder>> folders = read_folders();
    if (!folders.ok()) return folders.status();
    if (!fresh.ok()) {
      log_.log(Severity::error, "the model repository is not up to date: " + fresh.message());
      if (folders->empty()) return fresh;
    }
    for (ModelFolder& folder : *folders) {
      Source& source = source_of(folder.name);
      source.acted_on = source.looked_at = digest_of(folder);
      folder = checked(std::move(folder));
    }
    return load_all(*std::move(folders), true);
  }
  Status first_failure;
  for (const std::string& model : wanted) {
    std::set<std::string> on_the_way;
    Status status = load_with_members(model, true, on_the_way);
    if (first_failure.ok()) first_failure = std::move(status);
  }
  return first_failure;
}

// Ensembles come after what they are made of.
Status RepositoryControl::load_all(std::vector<ModelFolder> folders, bool at_start) {
  std::vector<ModelFolder> ensembles;
  std::erase_if(folders, [&](ModelFolder& folder) {
    const bool is_ensemble = !members_of(folder).empty();
    if (is_ensemble) ensembles.push_back(std::move(folder));
    return is_ensemble;
  });
  Status first_failure = load_side_by_side(folders, at_start);
  while (!ensembles.empty()) {
    // One that needs none of those that are left; in a circle any will do, and fail.
    auto next = std::ranges::find_if(ensembles, [&](const ModelFolder& folder) {
      const std::set<std::string> members = members_of(folder);
      return std::ranges::none_of(
          ensembles, [&](const ModelFolder& other) { return members.contains(other.name); });
    });
    if (next == ensembles.end()) next = ensembles.begin();
    Status status = apply(*next, at_start);
    if (first_failure.ok()) first_failure = std::move(status);
    ensembles.erase(next);
  }
  return first_failure;
}

Status RepositoryControl::load_side_by_side(const std::vector<ModelFolder>& folders,
                                            bool at_start) {
  std::atomic<std::size_t> next{0};
  std::mutex mutex;
  Status first_failure;
  const auto work = [&] {
    for (std::size_t i = next++; i < folders.size(); i = next++) {
      Status status = apply(folders[i], at_start);
      const std::lock_guard lock(mutex);
      if (first_failure.ok()) first_failure = std::move(status);
    }
  };
  const std::size_t threads = std::min<std::size_t>(options_.load_threads, folders.size());
  std::vector<std::jthread> helpers;
  for (std::size_t i = 1; i < threads; ++i) helpers.emplace_back(work);
  work();
  helpers.clear();
  return first_failure;
}

Status RepositoryControl::load_with_members(const std::string& model, bool at_start,
                                            std::set<std::string>& on_the_way) {
  if (Status s = check_model_name(model); !s.ok()) return s;
  if (!on_the_way.insert(model).second) {
    return Status::invalid_argument("ensemble '" + model + "' is made of itself");
  }
  if (Status s = refresh(model); !s.ok()) return poll_failure(model, s.message());
  const ModelFolder folder = find_folder(model);
  for (const std::string& member : members_of(folder)) {
    if (serves(member)) continue;
    if (Status s = load_with_members(member, at_start, on_the_way); !s.ok()) {
      return Status(s.code(),
                    "failed to load '" + model + "': it needs '" + member + "': " + s.message());
    }
  }
  on_the_way.erase(model);
  return apply(folder, at_start);
}

Status RepositoryControl::check_request(const LoadRequest& request) const {
  if (options_.mode != RepositoryMode::explicit_loads) return not_explicit();
  if (Status s = check_model_name(request.model); !s.ok()) return s;
  if (!request.files.empty() && !request.config) {
    return poll_failure(request.model, "files need 'config', for the model's folder is not used");
  }
  return {};
}

Status RepositoryControl::load(LoadRequest request) {
  if (Status s = check_request(request); !s.ok()) return s;
  const Change change(*this);
  Source& source = source_of(request.model);
  std::unique_ptr<OverrideFolder> files;
  if (!request.files.empty()) {
    Result<std::unique_ptr<OverrideFolder>> made =
        OverrideFolder::create(options_.scratch_directory, request.model, request.files);
    if (!made.ok()) return poll_failure(request.model, made.status().message());
    files = *std::move(made);
  }
  // What the model was made of, in case that the new does not work.
  auto given = source.given;
  auto old_files = std::move(source.files);
  auto served = source.served;
  if (request.config) {
    source.given = std::move(request.config);
    source.files = std::move(files);
    source.served.clear();
  } else {
    source.files = std::move(old_files);
  }
  std::set<std::string> on_the_way;
  Status status = load_with_members(request.model, false, on_the_way);
  if (!status.ok() && source.given != given) {
    source.given = std::move(given);
    source.files = std::move(old_files);
    source.served = std::move(served);
  }
  return status;
}

void RepositoryControl::take_away(const std::string& model) {
  const std::vector<std::int64_t> versions = state_.versions(model, ModelState::ready);
  for (const std::int64_t version : versions) {
    state_.set(model, version, ModelState::unloading);
  }
  ModelSet nothing;
  nothing.name = model;
  (void)engine_.replace(nothing);  // cannot fail: nothing is loaded
  for (const std::int64_t version : versions) {
    state_.set(model, version, ModelState::unavailable, "unloaded");
  }
  const std::lock_guard lock(sources_mutex_);
  sources_.erase(model);
  failed_.erase(model);
}

// The model, ensembles of it and ensembles of those; `dependents`: also what it is made of.
std::set<std::string> RepositoryControl::leaving_with(const std::string& model,
                                                      bool dependents) const {
  const std::lock_guard lock(sources_mutex_);
  const auto known = sources_.find(model);
  if (known == sources_.end()) return {};
  std::set<std::string> leaving = {model};
  if (dependents) leaving.insert(known->second.members.begin(), known->second.members.end());
  for (std::size_t before = 0; before != leaving.size();) {
    before = leaving.size();
    for (const auto& [name, source] : sources_) {
      const bool needs = std::ranges::any_of(
          source.members, [&](const std::string& member) { return leaving.contains(member); });
      if (needs) leaving.insert(name);
    }
  }
  return leaving;
}

TimePoint RepositoryControl::give_up() const {
  return std::chrono::steady_clock::now() +
         std::chrono::milliseconds(engine_.options().retire_ms_max);
}

Status RepositoryControl::unload(const std::string& model, bool dependents) {
  if (options_.mode != RepositoryMode::explicit_loads) return not_explicit();
  std::set<std::string> leaving;
  {
    const Change change(*this);
    leaving = leaving_with(model, dependents);
    // Ensembles first, so that none of their requests looks for a member in vain.
    std::vector<std::string> order(leaving.begin(), leaving.end());
    std::stable_partition(order.begin(), order.end(), [&](const std::string& name) {
      return !source_of(name).members.empty();
    });
    for (const std::string& name : order) {
      // What an ensemble has accepted still needs its members.
      const bool ensemble = !source_of(name).members.empty();
      take_away(name);
      if (ensemble) (void)engine_.wait_retired(name, give_up());
    }
  }
  for (const std::string& name : leaving) (void)engine_.wait_retired(name, give_up());
  return {};
}

std::size_t RepositoryControl::poll() {
  const Change change(*this);
  if (const Status fresh = refresh(""); !fresh.ok()) {
    log_.log(Severity::error, "poll: " + fresh.message());
  }
  const Result<std::vector<ModelFolder>> folders = read_folders();
  if (!folders.ok()) {
    // A directory that is away for a moment must not take its models down.
    log_.log(Severity::error, "poll: " + folders.status().message());
    return 0;
  }
  std::vector<ModelFolder> changed;
  std::set<std::string> there;
  for (const ModelFolder& folder : *folders) {
    there.insert(folder.name);
    Source& source = source_of(folder.name);
    const std::uint64_t digest = digest_of(folder);
    const bool settled = std::exchange(source.looked_at, digest) == digest;
    if (digest == source.acted_on || !settled) continue;
    source.acted_on = digest;
    changed.push_back(checked(folder));
  }
  std::vector<std::string> gone;
  {
    const std::lock_guard sources_lock(sources_mutex_);
    for (auto& [name, source] : sources_) {
      if (there.contains(name)) continue;
      if (std::exchange(source.looked_at, kGone) == kGone) gone.push_back(name);
    }
  }
  const std::size_t count = changed.size() + gone.size();
  for (const std::string& name : gone) {
    take_away(name);
    state_.forget(name);
  }
  (void)load_all(std::move(changed), false);  // logs, and says so in the index
  return count;
}

void RepositoryControl::poll_every(Duration period) {
  set_poll_period(period);
  poll_thread_ = std::jthread([this](const std::stop_token& stop) {
    std::unique_lock lock(poll_mutex_);
    while (!poll_wake_.wait_for(lock, stop, poll_period_.load(std::memory_order_relaxed),
                                [&] { return stop.stop_requested(); })) {
      poll();
    }
  });
}

std::vector<IndexEntry> RepositoryControl::index(bool ready_only) const {
  std::vector<IndexEntry> entries = state_.entries(ready_only);
  if (ready_only) return entries;
  for (const auto& [name, version] : engine_.retiring()) {
    for (IndexEntry& entry : entries) {
      const bool same = entry.name == name && entry.version == version;
      if (same && entry.state == ModelState::unavailable) entry.state = ModelState::unloading;
    }
  }
  std::set<std::string> known;
  for (const IndexEntry& entry : entries) known.insert(entry.name);
  for (const std::string& directory : options_.directories) {
    std::error_code error;
    for (fs::directory_iterator it(directory, error), end; !error && it != end;
         it.increment(error)) {
      std::error_code ignored;
      const std::string name = it->path().filename().string();
      if (name.starts_with('.') || !it->is_directory(ignored)) continue;
      if (known.insert(name).second) entries.push_back({name, 0, ModelState::unavailable, {}});
    }
  }
  std::ranges::sort(entries, [](const IndexEntry& a, const IndexEntry& b) {
    return std::tie(a.name, a.version) < std::tie(b.name, b.version);
  });
  return entries;
}

}  // namespace mlops
