#pragma once
// Which models of which directories serve: all of them once, all of them as they change, or those
// that a client asks for. Everything goes through Engine::replace, so a model is swapped at once or
// not at all, and a version that fails to load changes nothing.
//
// Thread-safe. load(), unload(), start() and poll() block, one after the other: not for event
// loops. index() is quick but reads directories.

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/log.h"
#include "engine/engine.h"
#include "engine/override_folder.h"
#include "engine/repository_state.h"
#include "model/model_folder.h"

namespace mlops {

enum class RepositoryMode : std::uint8_t {
  none,            // what is there at start, for good
  poll,            // and what changes
  explicit_loads,  // what is asked for
};

struct RepositoryOptions {
  std::vector<std::string> directories;
  RepositoryMode mode = RepositoryMode::none;
  std::vector<std::string> load_at_start;  // explicit_loads only; "*" is every model
  bool config_required = false;            // a model without config.pbtxt is an error
  unsigned load_threads = 1;               // models loaded at the same time at start
  std::string scratch_directory = "/tmp";  // for files that come with load requests
  // Brings the directories up to date from wherever they come, one model or (with an empty name)
  // all, before they are read. Null: they are what they are. Blocks; one call at a time.
  std::function<Status(const std::string& model)> refresh;
};

struct LoadRequest {
  std::string model;
  std::shared_ptr<const ModelConfig> config;  // null: the folder's own, or that of the last request
  std::vector<FileOverride> files;            // in the place of the folder; needs `config`
};

// The text that clients look for when a model cannot be found or read, and then why.
Status poll_failure(const std::string& model, const std::string& why);

// The models that an ensemble is made of; of any other model, none.
std::set<std::string> members_of(const ModelFolder& folder);

class RepositoryControl {
 public:
  // Both outlive it.
  RepositoryControl(Engine& engine, LogSink& log, RepositoryOptions options);
  ~RepositoryControl();

  // Loads what the mode says. Fails with the first failure, after trying everything.
  Status start();
  // Looks at the directories and acts on what has changed and then stayed the same for one look, so
  // that what is still being copied is left alone. Returns how many models changed.
  std::size_t poll();
  void poll_every(Duration period);  // from a thread of its own, until the end
  // Counts from the next look on.
  void set_poll_period(Duration period) { poll_period_.store(period, std::memory_order_relaxed); }
  // Reads the labels of what serves anew from its folders; nothing is loaded.
  Status renew_labels();

  Status load(LoadRequest request);
  // Ensembles that need the model go with it; `dependents`: what an ensemble was made of as well.
  // That there is nothing to unload is no error.
  Status unload(const std::string& model, bool dependents);

  // Also models that are in a directory and were never loaded, unless `ready_only`.
  std::vector<IndexEntry> index(bool ready_only) const;

  // A change is being made, or waits for its turn.
  bool busy() const { return changes_.load() > 0; }
  // Every model that was wanted at start is loaded. Quick.
  bool ready() const;
  const RepositoryOptions& options() const { return options_; }

 private:
  // What is known of a model besides its state.
  struct Source {
    std::shared_ptr<const ModelConfig> given;      // by a load request
    std::unique_ptr<OverrideFolder> files;         // likewise
    std::map<std::int64_t, std::uint64_t> served;  // version -> its digest when it was loaded
    std::set<std::string> members;                 // of an ensemble
    std::uint64_t looked_at = 0;                   // digests of the whole folder: at the last look
    std::uint64_t acted_on = 0;
  };

  Status refresh(const std::string& model) const;
  Result<std::vector<ModelFolder>> read_folders() const;
  ModelFolder find_folder(const std::string& model);
  ModelFolder checked(ModelFolder folder) const;
  Status check_request(const LoadRequest& request) const;

  Status load_all(std::vector<ModelFolder> folders, bool at_start);
  Status load_side_by_side(const std::vector<ModelFolder>& folders, bool at_start);
  Status load_with_members(const std::string& model, bool at_start,
                           std::set<std::string>& on_the_way);
  Status apply(const ModelFolder& folder, bool at_start);
  Status serve(const ModelFolder& folder, const ModelSet& set, Source& source);
  Status refuse(const ModelFolder& folder, bool at_start);
  void renew_ensembles_of(const std::string& member);
  void take_away(const std::string& model);
  bool made_of_itself(const ModelFolder& folder) const;
  TimePoint give_up() const;
  std::set<std::string> leaving_with(const std::string& model, bool dependents) const;
  Source& source_of(const std::string& model);
  bool serves(const std::string& model) const;
  void note_failed(const std::string& model, bool failed);

  // Held by whoever makes a change.
  class Change {
   public:
    explicit Change(RepositoryControl& control) : count_(control.changes_) {
      ++count_;
      lock_ = std::unique_lock(control.operation_mutex_);
    }
    ~Change() { --count_; }

   private:
    std::atomic<int>& count_;
    std::unique_lock<std::mutex> lock_;
  };

  Engine& engine_;
  LogSink& log_;
  const RepositoryOptions options_;
  RepositoryState state_;
  std::mutex operation_mutex_;  // one change at a time
  std::atomic<int> changes_{0};
  // The map is guarded by sources_mutex_; an entry belongs to whoever changes that model.
  mutable std::mutex sources_mutex_;
  std::map<std::string, Source> sources_;
  std::set<std::string> failed_;  // guarded by sources_mutex_: wanted at start and not loaded
  std::mutex poll_mutex_;
  std::condition_variable_any poll_wake_;
  std::atomic<Duration> poll_period_{Duration::zero()};
  std::jthread poll_thread_;  // last
};

}  // namespace mlops
