#pragma once
// Judges what the lanes of watched versions have counted, once in a round and whenever somebody
// looks, tells the log what happened, and keeps what judges know over restarts. Off the path of
// requests: it borrows lanes that are idle, as a request would.
//
// One thread, from the first watched version on. docs/adr/0047.

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "base/log.h"
#include "engine/drift_settings.h"
#include "engine/servable.h"

namespace mlops {

class DriftKeeper {
 public:
  using Versions = std::function<std::vector<std::shared_ptr<Servable>>()>;

  // Everything outlives it. `versions` are those that serve.
  DriftKeeper(const DriftSettings& settings, const Clock& clock, LogSink& log, Versions versions);
  ~DriftKeeper();

  // A version that will serve: gets back what was known of it, or of `before`, whose place it
  // takes.
  void adopt(Servable& version, Servable* before);
  // A version that serves no more, and still has its lanes.
  void leave(Servable& version);
  // Judges all that idle lanes have counted.
  void look(Servable& version);
  // Ends the thread and writes down what is known. The versions still have their lanes.
  void end();

 private:
  using Key = std::pair<std::string, std::int64_t>;
  struct Saved {
    std::uint64_t rows = 0;  // judged
    TimePoint at{};
  };

  void loop(const std::stop_token& stop);
  void save(Servable& version);
  void save_when_due(Servable& version, TimePoint now);
  std::string path_of(const Servable& version) const;

  const DriftSettings& settings_;
  const Clock& clock_;
  LogSink& log_;
  const Versions versions_;
  std::mutex mutex_;  // guards what follows
  std::map<Key, Saved> saved_;
  std::mutex thread_mutex_;
  std::condition_variable_any wake_;
  bool ended_ = false;   // guarded by thread_mutex_
  std::jthread thread_;  // guarded by thread_mutex_
};

// "drift event=raised model=flights version=1 stream=distance ...", for the log.
std::string event_line(const ModelInfo& model, const Reference& reference,
                       const NumberedEvent& event);

}  // namespace mlops
