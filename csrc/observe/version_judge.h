#pragma once
// What a version's judge has found, for many readers: its alerts with a few rows that show them,
// and the events in the order in which they came. Bounded: events that nobody fetched make room.
//
// Thread-safe. Tiles come from one thread at a time, off the path of requests.

#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "observe/drift_judge.h"
#include "observe/recent_rows.h"
#include "observe/reference.h"

namespace mlops {

inline constexpr std::size_t kEventsKept = 256;
inline constexpr std::size_t kSamplesOfAlert = 5;
inline constexpr std::size_t kSampleValues = 1024;  // of an alert; wider rows are not shown

// A row as it was staged, and where its value of the alert's stream was counted.
struct SampleRow {
  std::uint32_t cell = 0;
  std::vector<float> values;  // in the reference's order; of categories the codes
};

struct ShownAlert {
  DriftAlert alert;
  std::vector<SampleRow> samples;
};

struct NumberedEvent {
  std::uint64_t number = 0;  // 1, 2, 3 ..; also over restarts that kept the state
  DriftEvent event;
  std::vector<SampleRow> samples;  // of the alert, as it was then
};

struct JudgeView {
  ReferencePtr reference;
  JudgeOptions options;
  std::uint64_t rows = 0;              // judged
  std::vector<ShownAlert> active;      // the most severe, then the largest effect, first
  std::vector<std::size_t> changed;    // streams, by e-BH
  std::vector<NumberedEvent> events;   // after the one asked for, oldest first
  std::uint64_t last_event = 0;        // its number
  std::uint64_t events_forgotten = 0;  // among those asked for
};

// For metrics.
struct JudgeFigures {
  std::uint64_t rows = 0;
  std::uint64_t events[4] = {};  // by DriftEventKind, since the start
  double evidence_rows = 0;      // the most that any stream has
  struct Active {
    std::string stream;
    DriftSeverity severity = DriftSeverity::warning;
    DriftClass cause = DriftClass::shape;
    double effect = 0;
  };
  std::vector<Active> active;
};

class VersionJudge {
 public:
  VersionJudge(ReferencePtr reference, const JudgeOptions& options);

  // The rows since the last call; `now` is said again in events. `recent` are rows of late,
  // `segments` the same rows by segment.
  std::vector<NumberedEvent> see(const CountsTable& tile, const std::vector<CountsTable>& segments,
                                 const RecentRows& recent, TimePoint now);
  JudgeView view(std::uint64_t after) const;
  JudgeFigures figures() const;
  // Evidence and alerts are forgotten; events and their numbers stay.
  void reset();

  // What it knows, for the same reference after a restart (judge_bytes.h).
  std::string bytes() const;
  // Changes nothing when it fails: bytes of another reference, or damaged ones.
  Status restore(std::string_view bytes);

 private:
  void show(std::size_t stream, const RecentRows& recent);

  const ReferencePtr reference_;
  const JudgeOptions options_;
  mutable std::mutex mutex_;  // guards what follows
  DriftJudge judge_;
  std::vector<std::vector<SampleRow>> samples_;  // by stream; of those that are alerted about
  std::deque<NumberedEvent> events_;
  std::uint64_t last_event_ = 0;
  std::uint64_t counted_[4] = {};
};

}  // namespace mlops
