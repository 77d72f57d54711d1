#pragma once
// Triton's trace extension: which requests are traced, for the whole server and per model, read and
// changed while it runs. Thread-safe.

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "engine/engine.h"
#include "protocol/trace_context.h"

namespace mlops {

struct TraceLevel {
  bool timestamps = false;
  bool tensors = false;
  bool off() const { return !timestamps && !tensors; }
};

struct TraceSettings {
  TraceLevel level;
  std::uint32_t rate = 1000;  // one request of so many
  std::int32_t count = -1;    // traces left; -1: no limit
  std::uint32_t log_frequency = 0;
};

// Where traces go: into a file of Triton's JSON, or to an OpenTelemetry collector.
enum class TraceMode : std::uint8_t { triton, opentelemetry };

// Whether one request is traced, and as part of which trace of its caller's.
struct TraceDecision {
  bool traced = false;
  TraceLevel level;  // when it is
  std::optional<TraceContext> parent;
};

// For each setting: nullopt leaves it, an inner nullopt clears it: a model follows the server
// again, the server what it was started with.
struct TraceUpdate {
  template <class T>
  using Change = std::optional<std::optional<T>>;
  Change<TraceLevel> level;
  Change<std::uint32_t> rate;
  Change<std::int32_t> count;
  Change<std::uint32_t> log_frequency;
};

class TraceControl {
 public:
  TraceControl(std::string file, const TraceSettings& initial, TraceMode mode = TraceMode::triton);

  // An empty `model` means the server.
  TraceSettings settings(const std::string& model) const;
  void update(const std::string& model, const TraceUpdate& update);
  const std::string& file() const { return file_; }
  TraceMode mode() const { return mode_; }
  // What holds wherever no client has said otherwise.
  void set_initial(const TraceSettings& initial);

  // Whether this request is to be traced; counts it. The headers are its W3C context, or empty: one
  // that its caller records is traced whatever rate and count are, as Triton does, unless the level
  // is off. One relaxed load while nothing is traced; a counter more for what is not, as long as
  // all models are traced alike and without an end.
  TraceDecision decide(const std::string& model, std::string_view traceparent = {},
                       std::string_view tracestate = {}) {
    if (!active_.load(std::memory_order_relaxed)) return {};
    if (traceparent.empty() && passes_by()) return {};
    return decide_active(model, traceparent, tracestate);
  }

 private:
  struct Overrides {
    std::optional<TraceLevel> level;
    std::optional<std::uint32_t> rate;
    std::optional<std::int32_t> count;
    std::optional<std::uint32_t> log_frequency;
    std::uint64_t seen = 0;  // requests, for the rate; the server's are in seen_
    bool empty() const { return !level && !rate && !count && !log_frequency; }
  };
  // Counts the request and says that it is not one of those to trace; when it would be, or it takes
  // more to know, it is not counted.
  bool passes_by() {
    const std::uint32_t rate = rate_of_all_.load(std::memory_order_relaxed);
    if (rate == 0) return false;
    std::uint64_t seen = seen_.load(std::memory_order_relaxed);
    do {
      if ((seen + 1) % rate == 0) return false;
    } while (!seen_.compare_exchange_weak(seen, seen + 1, std::memory_order_relaxed));
    return true;
  }
  TraceDecision decide_active(const std::string& model, std::string_view traceparent,
                              std::string_view tracestate);
  bool sample_locked(const std::string& model, const TraceSettings& now);
  TraceSettings settings_locked(const std::string& model) const;
  void note_active_locked();

  const std::string file_;
  const TraceMode mode_;
  std::atomic<bool> active_{false};
  // 0: it depends on the model, or on how many were traced.
  std::atomic<std::uint32_t> rate_of_all_{0};
  std::atomic<std::uint64_t> seen_{0};  // requests that no model counts for itself
  mutable std::mutex mutex_;
  TraceSettings initial_;                    // guarded by mutex_
  Overrides server_;                         // guarded by mutex_
  std::map<std::string, Overrides> models_;  // guarded by mutex_
};

// The HTTP form. Unknown keys, another file and another mode are errors.
Result<TraceUpdate> parse_trace_update(std::string_view body);
std::string trace_settings_json(const TraceControl& trace, const std::string& model);
// The gRPC form: takes one TraceSettingRequest, gives the TraceSettingResponse.
Result<std::string> answer_grpc_trace_setting(std::string_view message, const Engine& engine,
                                              TraceControl& trace);
// invalid_argument unless `model` is served, or empty.
Status check_traced_model(const Engine& engine, const std::string& model);

}  // namespace mlops
