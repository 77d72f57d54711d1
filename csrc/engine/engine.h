#pragma once
// The engine: what all three doors (Python, mlops-server, C++) talk to.
//
//   auto engine = Engine::create(options, log);
//   engine->load({.name = "flights", .path = "model.onnx"});
//   Response response = engine->infer(std::move(request));
//
// Thread-safe throughout, except that the caller destroys it last. Requests hold what they need: a
// version that is unloaded finishes the requests it has accepted. Read pipeline.cc next.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "engine/execution_note.h"
#include "engine/options.h"
#include "engine/route_status.h"
#include "engine/stats.h"
#include "execute/backend.h"
#include "labels/label_join.h"
#include "observe/drift_observer.h"
#include "request/pending.h"
#include "tensor/copy_meter.h"

namespace mlops {

// What a client may know about a loaded version. Immutable.
struct ModelInfo {
  std::string name;
  std::int64_t version = 0;
  std::vector<std::int64_t> versions;  // all that are ready, ascending
  std::string platform;
  Signature signature;
  bool batchable = false;
  std::int64_t batch_rows_max = 0;  // 0 when not batchable
  std::string batching_reason;      // why it is or is not batched, for people
  std::uint64_t batch_delay_us_max = 0;
  // What executes it and why, for people; null: there was nothing to choose.
  std::shared_ptr<const ExecutionNote> execution;
  unsigned lanes = 0;      // concurrent executions
  bool decoupled = false;  // answers in any number of parts: only doors that take them can call it
  // Whether axis 0 is a batch. A model may have one without that requests are merged: the
  // configuration says max_batch_size, and the rows were seen to influence each other.
  bool has_batch_axis = false;
  std::int64_t request_rows_max = 0;                   // by the configuration; 0: no limit
  std::shared_ptr<const ModelConfig> config;           // complete: what was given, else inferred
  std::vector<std::vector<std::string>> labels;        // by output: names of its classes, or none
  std::map<std::string, std::int64_t> version_labels;  // "stable", "canary", ...
};

// What a model is to consist of.
struct ModelSet {
  std::string name;
  std::vector<ModelSource> load;
  std::vector<std::int64_t> keep;  // versions that serve and stay as they are
  std::map<std::string, std::int64_t> labels;
};

// What late labels say of a version's predictions.
struct QualityView {
  Task task = Task::binary;
  RealisedQuality realised;
  CalibrationBet calibration;  // of a binary task, since the first label
};
// Scores are said to have gone wrong when chance would make it look so once in so many versions.
inline constexpr double kCalibrationAlpha = 0.01;

class Engine {
 public:
  // `log` must outlive the engine. Does not touch ONNX Runtime until a model needs it.
  static Result<std::unique_ptr<Engine>> create(EngineOptions options, LogSink& log);
  virtual ~Engine() =
      default;  // stops taking, fails what is queued (unavailable), joins its threads

  // Loads, probes and warms a version, then publishes it; blocks meanwhile. A version that fails is
  // never visible. Loading a (name, version) that is served replaces it for new requests.
  virtual Status load(const ModelSource& source) = 0;
  virtual Status load(const ModelSource& source, std::unique_ptr<Backend> backend) = 0;
  // New requests get not_found; accepted ones finish. Blocks until they have.
  virtual Status unload(const std::string& name, std::int64_t version) = 0;
  // Loads what `set` says and, when all of that succeeded, puts it in the place of all versions
  // that the model had, at once; else changes nothing. One status for each of set.load, or one
  // alone when the set itself is wrong. Blocks while it loads, not for the requests that retired
  // versions hold.
  virtual std::vector<Status> replace(const ModelSet& set) = 0;
  // Versions that take no more requests and still have some, by name and number.
  virtual std::vector<std::pair<std::string, std::int64_t>> retiring() const { return {}; }
  // Waits until no version of the model is retiring; false when `deadline` came first.
  virtual bool wait_retired(const std::string& /*name*/, TimePoint /*deadline*/) { return true; }
  // Loads what the policies say of every model in a Triton-style repository directory (the newest
  // version, usually). A model that fails is logged and reported, and does not stop the others.
  virtual Status load_repository(const std::string& directory) = 0;

  // Waits until no version that serves is being tried in another back end (ADR 41); false when
  // `deadline` came first.
  virtual bool wait_trials(TimePoint /*deadline*/) { return true; }
  // For a process that ends: writes down what is known of drift and breaks off what goes on beside
  // requests. False when a version was still being tried at `deadline`: a back end that compiles a
  // graph listens to nobody, and the destructor would wait for it.
  virtual bool end_background(TimePoint /*deadline*/) { return true; }

  virtual Result<ModelInfo> info(const std::string& name, std::int64_t version) const = 0;
  virtual std::vector<ModelInfo> models() const = 0;
  virtual bool ready() const = 0;  // every version that was asked for is loaded, and not draining

  // Runs the request and returns its answer. Uses the calling thread when a lane is idle; otherwise
  // waits, at most until the request's deadline.
  virtual Response infer(Request&& request) = 0;
  // Hands the request to lane threads and returns at once; the answer comes through deliver().
  virtual void submit(PendingRef pending) = 0;
  // What an event loop has drained in one turn. Fast models run here, as batches, when a lane is
  // idle, so deliver() may be called before this returns; slow ones go to lane threads.
  virtual void submit_turn(std::span<PendingRef> turn) = 0;

  // Refuses new requests (unavailable), then waits for accepted ones until `deadline`. True when
  // nothing was left.
  virtual bool drain(TimePoint deadline) = 0;

  // What the rows of a version that is watched for drift looked like in the `span` before now, or
  // without one since it was loaded or reset. not_found when it is not loaded or not watched.
  virtual Result<DriftSnapshot> drift(const std::string& /*name*/, std::int64_t /*version*/,
                                      std::optional<Duration> /*span*/) {
    return Status::unimplemented("this engine watches nothing");
  }
  // The same of other rows than the last ones, or compared with others than the reference's.
  virtual Result<DriftSnapshot> look_at_drift(const std::string& /*name*/, std::int64_t /*version*/,
                                              DriftLook /*how*/, Duration /*span*/) {
    return Status::unimplemented("this engine watches nothing");
  }
  virtual Status reset_drift(const std::string& /*name*/, std::int64_t /*version*/) {
    return Status::unimplemented("this engine watches nothing");
  }
  // Another reference for a version that is watched, by the bytes of a profile; what was counted is
  // forgotten. Without bytes: none, and rows are collected for one.
  virtual Status replace_drift_reference(const std::string& /*name*/, std::int64_t /*version*/,
                                         std::string_view /*profile*/) {
    return Status::unimplemented("this engine watches nothing");
  }
  // A reference of the rows that a version without one has collected.
  virtual Status freeze_drift(const std::string& /*name*/, std::int64_t /*version*/) {
    return Status::unimplemented("this engine watches nothing");
  }

  // Statistics that users bring, of a version that is watched: drift_observer.h. Functions must
  // stay in memory as long as the process lives, for lanes may be running them.
  virtual Status use_statistics(const std::string& /*name*/, std::int64_t /*version*/,
                                std::vector<UserStatistic> /*statistics*/) {
    return Status::unimplemented("this engine watches nothing");
  }
  virtual Result<StatisticSnapshot> user_statistics(const std::string& /*name*/,
                                                    std::int64_t /*version*/) {
    return Status::unimplemented("this engine watches nothing");
  }

  // What its judge has found, up to now; of events those after number `after`.
  virtual Result<JudgeView> drift_alerts(const std::string& /*name*/, std::int64_t /*version*/,
                                         std::uint64_t /*after*/) {
    return Status::unimplemented("this engine watches nothing");
  }

  // Labels, corrections and rewards by request id, whatever version answered; what became of each.
  // not_found when the model is not loaded, or its configuration asks for no feedback.
  virtual Result<std::vector<Joined>> feedback(const std::string& /*name*/,
                                               std::span<const Feedback> /*items*/) {
    return Status::unimplemented("this engine remembers no predictions");
  }
  // Of the predictions made in the `span` before now, by whole slots; without one of all kept.
  virtual Result<QualityView> quality(const std::string& /*name*/, std::int64_t /*version*/,
                                      std::optional<Duration> /*span*/) {
    return Status::unimplemented("this engine remembers no predictions");
  }

  // What was kept of a version's answers is not found any more. not_found when it is not loaded.
  virtual Status flush_response_cache(const std::string& /*name*/, std::int64_t /*version*/) {
    return Status::unimplemented("this engine keeps no answers");
  }

  // The model's route; not_found when it has none.
  virtual Result<RouteStatus> route(const std::string& /*model*/) const {
    return Status::not_found("this engine routes nothing");
  }
  // In force for the next request. Refused when a version that it names is not ready, unless
  // `restored`: then its requests go to stable until it is.
  virtual Result<RouteStatus> set_route(const std::string& /*model*/, RoutePlan /*plan*/,
                                        RouteOrigin /*origin*/ = RouteOrigin::asked) {
    return Status::unimplemented("this engine routes nothing");
  }
  virtual Status clear_route(const std::string& /*model*/) {
    return Status::unimplemented("this engine routes nothing");
  }
  // Request headers that the model's route looks at. Valid until this thread's next call.
  virtual std::span<const std::string> route_headers(std::string_view /*model*/) const {
    return {};
  }

  virtual EngineStats stats() const = 0;
  virtual CopyMeter& copies() = 0;
  virtual const EngineOptions& options() const = 0;
};

// Which optional families of Triton's names a metrics page has.
struct MetricsOptions {
  bool counter_latencies = true;
  bool histogram_latencies = true;
  bool summary_latencies = false;  // quantiles; our histograms tell them better
  std::vector<double> summary_quantiles = {0.5, 0.9, 0.95, 0.99, 0.999};
};

// The engine's part of a Prometheus page: Triton's nv_* names where the meaning is the same, ours
// as mlops_*. Text format 0.0.4.
std::string metrics_text(const EngineStats& stats, const MetricsOptions& options = {});

}  // namespace mlops
