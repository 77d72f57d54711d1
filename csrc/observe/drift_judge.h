#pragma once
// Watches all streams of a model version together: what is an alert, what is a repeat of one, what
// has recovered, and whether retraining is called for. Deterministic: tiles and times in, events
// out; no clock of its own, no I/O. One writer.
//
// A stream is alerted about when its detector's evidence says so (so that a fleet of unchanged
// streams is, on average, silent for `average_run_rows` rows, however often it is looked at) *and*
// the debiased effect since the change is worth somebody's attention. Never for a p-value.

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "observe/drift_class.h"
#include "observe/e_detector.h"
#include "observe/segment_shares.h"

namespace mlops {

struct JudgeOptions {
  double average_run_rows = 1e8;  // without a change, of the whole fleet
  double margin = 0;              // BetOptions::margin
  double effect_warning = 0.02;   // debiased PSI since the change: about 0.15 standard deviations
  double effect_critical = 0.25;  // about 0.5
  double fdr = 0.05;              // of changed()
  std::uint64_t recovery_rows = 8192;  // without further evidence, and back below effect_warning
  // Retraining is suggested when this share of the inputs, or any output, has been alerted about
  // for so many rows without being a fault of the data.
  double retrain_share = 0.25;
  std::uint64_t retrain_rows = 10'000;
  Duration retrain_cooldown{0};  // from one suggestion to the next, at least
};

enum class DriftSeverity : std::uint8_t { warning, critical };
std::string_view name_of(DriftSeverity severity);

struct ChangedCell {
  std::uint32_t cell = 0;  // of the counts' masses
  double before = 0;       // shares
  double now = 0;
};

struct DriftAlert {
  std::size_t stream = 0;
  DriftSeverity severity = DriftSeverity::warning;
  DriftCause cause;
  std::uint64_t change_row = 0;  // since which row of those seen
  TimePoint change_time{};       // when that row's tile ended
  std::uint64_t raised_row = 0;
  std::uint64_t rows_since_change = 0;
  double psi_debiased = 0;  // since the change
  double js_distance = 0;
  double ks = 0;
  double evidence = 0;  // in rows: how long, on average, chance takes to give as much
  double e_value = 0;
  std::uint64_t repeats = 0;           // further evidence, folded into this alert
  std::vector<ChangedCell> cells;      // the three that moved most
  std::vector<SegmentShare> segments;  // the largest shares first, of each segmentation three
};

enum class DriftEventKind : std::uint8_t { raised, worsened, recovered, retrain_suggested };
std::string_view name_of(DriftEventKind kind);

struct DriftEvent {
  DriftEventKind kind = DriftEventKind::raised;
  std::uint64_t row = 0;
  TimePoint time{};
  std::optional<DriftAlert> alert;   // not of retrain_suggested
  std::vector<std::size_t> streams;  // of retrain_suggested: why
};

struct JudgedStream {
  StreamBefore before;
  bool output = false;
  // By segmentation and segment, the reference's own rows.
  std::vector<std::vector<StreamCounts>> segments = {};
};

class DriftJudge {
 public:
  DriftJudge(std::vector<JudgedStream> streams, const JudgeOptions& options);

  // The next rows of all streams, in the reference's order. Where a tile ends must not depend on
  // what is in it. A table of other streams is refused. `segments`: the same rows by segment, in
  // the order of all segmentations; empty: not known.
  Result<std::vector<DriftEvent>> see(const CountsTable& tile, TimePoint now,
                                      const std::vector<CountsTable>& segments = {});

  std::size_t streams() const { return watched_.size(); }
  StreamKind kind(std::size_t stream) const { return watched_[stream].stream.before.counts.kind; }
  std::uint64_t rows() const { return rows_; }
  std::vector<DriftAlert> active() const;
  const std::optional<DriftAlert>& alert(std::size_t stream) const {
    return watched_[stream].alert;
  }
  std::vector<std::size_t> changed() const;  // by e-BH
  const EDetector& detector(std::size_t stream) const { return watched_[stream].detector; }

  // What another replica's judge of the same streams has seen, added. Its alerts are taken over.
  Status merge(const DriftJudge& other);

  friend class JudgeCodec;  // judge_bytes.cc

 private:
  struct Watched {
    JudgedStream stream;
    std::shared_ptr<const Bets> bets;
    EDetector detector;
    std::optional<DriftAlert> alert;
    std::uint64_t last_evidence_row = 0;
    TimePoint change_time{};
    std::uint64_t change_row = 0;
    SegmentsSinceChange segments;
  };

  void judge(std::size_t index, TimePoint now, std::vector<DriftEvent>& events);
  void describe(const Watched& watched, DriftAlert& alert) const;
  void consider_retraining(TimePoint now, std::vector<DriftEvent>& events);

  JudgeOptions options_;
  std::vector<Watched> watched_;
  std::uint64_t rows_ = 0;
  bool retraining_suggested_ = false;  // and still called for
  std::optional<TimePoint> suggested_at_;
};

}  // namespace mlops
