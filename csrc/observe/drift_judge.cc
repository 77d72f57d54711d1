#include "observe/drift_judge.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "observe/e_bh.h"
#include "observe/nominal_distances.h"
#include "observe/ordered_distances.h"

namespace mlops {
namespace {

constexpr std::size_t kCellsNamed = 3;

std::vector<ChangedCell> cells_that_moved(const StreamCounts& before, const StreamCounts& now) {
  const auto m = static_cast<double>(std::max<std::uint64_t>(before.rows(), 1));
  const auto n = static_cast<double>(std::max<std::uint64_t>(now.rows(), 1));
  std::vector<ChangedCell> cells;
  for (std::uint32_t i = 0; i < before.masses.size(); ++i) {
    cells.push_back(
        {i, static_cast<double>(before.masses[i]) / m, static_cast<double>(now.masses[i]) / n});
  }
  const auto by_move = [](const ChangedCell& cell) { return -std::abs(cell.now - cell.before); };
  std::ranges::stable_sort(cells, {}, by_move);
  cells.resize(std::min(cells.size(), kCellsNamed));
  return cells;
}

}  // namespace

std::string_view name_of(DriftSeverity severity) {
  return severity == DriftSeverity::critical ? "critical" : "warning";
}

std::string_view name_of(DriftEventKind kind) {
  constexpr std::array<std::string_view, 4> kNames{"raised", "worsened", "recovered",
                                                   "retrain_suggested"};
  return kNames[static_cast<std::size_t>(kind)];
}

DriftJudge::DriftJudge(std::vector<JudgedStream> streams, const JudgeOptions& options)
    : options_(options) {
  watched_.reserve(streams.size());
  const BetOptions bet_options{options.margin, streams.size()};
  for (JudgedStream& stream : streams) {
    auto bets = std::make_shared<const Bets>(stream.before.counts, bet_options);
    EDetector detector(bets, stream.before.counts);
    SegmentsSinceChange segments(std::move(stream.segments), watched_.size());
    watched_.push_back({std::move(stream),
                        std::move(bets),
                        std::move(detector),
                        {},
                        0,
                        {},
                        0,
                        std::move(segments)});
  }
}

Result<std::vector<DriftEvent>> DriftJudge::see(const CountsTable& tile, TimePoint now,
                                                const std::vector<CountsTable>& segments) {
  bool same = tile.size() == watched_.size();
  for (std::size_t i = 0; same && i < tile.size(); ++i) {
    same = tile[i].combines_with(watched_[i].stream.before.counts);
  }
  if (!same) return Status::invalid_argument("the counts are of different references");
  std::uint64_t rows = 0;
  for (const StreamCounts& counts : tile) rows = std::max(rows, counts.rows());
  rows_ += rows;
  std::vector<DriftEvent> events;
  for (std::size_t i = 0; i < watched_.size(); ++i) {
    Watched& watched = watched_[i];
    watched.detector.see(tile[i]);
    watched.segments.see(segments, tile[i], watched.detector.since_change());
    if (watched.detector.since_change().rows() == 0) {
      watched.change_time = now;
      watched.change_row = rows_;
    }
    judge(i, now, events);
  }
  consider_retraining(now, events);
  return events;
}

void DriftJudge::judge(std::size_t index, TimePoint now, std::vector<DriftEvent>& events) {
  Watched& watched = watched_[index];
  const double needed = options_.average_run_rows * static_cast<double>(watched_.size());
  const auto tell = [&](DriftEventKind kind) {
    events.push_back({kind, rows_, now, watched.alert, {}});
  };
  if (watched.detector.evidence() >= needed) {
    DriftAlert found;
    found.stream = index;
    describe(watched, found);
    if (found.psi_debiased < options_.effect_warning) return;  // certain, and too small to matter
    found.raised_row = watched.alert ? watched.alert->raised_row : rows_;
    found.repeats = watched.alert ? watched.alert->repeats + 1 : 0;
    const bool worse = watched.alert && found.severity > watched.alert->severity;
    const bool first = !watched.alert;
    // An alert stays as severe as it has been, and began when it was first seen to.
    if (watched.alert) {
      found.severity = std::max(found.severity, watched.alert->severity);
      found.change_row = watched.alert->change_row;
      found.change_time = watched.alert->change_time;
    }
    watched.alert = std::move(found);
    watched.last_evidence_row = rows_;
    watched.detector.forget_evidence();
    if (first) tell(DriftEventKind::raised);
    if (worse) tell(DriftEventKind::worsened);
    return;
  }
  if (!watched.alert || rows_ - watched.last_evidence_row < options_.recovery_rows) return;
  if (watched.detector.recent_effect() >= options_.effect_warning) return;
  tell(DriftEventKind::recovered);
  watched.alert.reset();
  watched.detector = EDetector(watched.bets, watched.stream.before.counts);
}

void DriftJudge::describe(const Watched& watched, DriftAlert& alert) const {
  const StreamCounts& before = watched.stream.before.counts;
  const StreamCounts& now = watched.detector.since_change();
  const NominalDistances nominal = nominal_distances(before.masses, now.masses);
  alert.psi_debiased = nominal.psi_debiased;
  alert.js_distance = nominal.js_distance();
  if (before.kind == StreamKind::numeric) {
    alert.ks = ordered_distances(before, now, BinGeometry()).ks;
  }
  alert.severity = nominal.psi_debiased >= options_.effect_critical ? DriftSeverity::critical
                                                                    : DriftSeverity::warning;
  alert.cause = likely_cause(watched.stream.before, now);
  alert.change_row = watched.change_row;
  alert.change_time = watched.change_time;
  alert.rows_since_change = now.rows();
  alert.evidence = watched.detector.evidence() / static_cast<double>(watched_.size());
  alert.e_value = watched.detector.e_value();
  alert.cells = cells_that_moved(before, now);
  alert.segments = watched.segments.largest();
}

void DriftJudge::consider_retraining(TimePoint now, std::vector<DriftEvent>& events) {
  std::size_t inputs = 0;
  std::size_t moved = 0;
  bool output = false;
  std::vector<std::size_t> why;
  for (std::size_t i = 0; i < watched_.size(); ++i) {
    const Watched& watched = watched_[i];
    inputs += !watched.stream.output;
    if (!watched.alert || is_data_fault(watched.alert->cause.kind)) continue;
    if (rows_ - watched.alert->raised_row < options_.retrain_rows) continue;
    why.push_back(i);
    output |= watched.stream.output;
    moved += !watched.stream.output;
  }
  const bool many = moved > 0 && static_cast<double>(moved) >=
                                     options_.retrain_share * static_cast<double>(inputs);
  const bool called_for = output || many;
  const bool cool = !suggested_at_ || now - *suggested_at_ >= options_.retrain_cooldown;
  if (called_for && !retraining_suggested_ && cool) {
    events.push_back({DriftEventKind::retrain_suggested, rows_, now, {}, std::move(why)});
    suggested_at_ = now;
    retraining_suggested_ = true;
  }
  retraining_suggested_ = retraining_suggested_ && called_for;
}

std::vector<DriftAlert> DriftJudge::active() const {
  std::vector<DriftAlert> alerts;
  for (const Watched& watched : watched_) {
    if (watched.alert) alerts.push_back(*watched.alert);
  }
  return alerts;
}

std::vector<std::size_t> DriftJudge::changed() const {
  std::vector<double> e_values;
  for (const Watched& watched : watched_) e_values.push_back(watched.detector.e_value());
  return list_changed(e_values, options_.fdr);
}

Status DriftJudge::merge(const DriftJudge& other) {
  bool same = other.watched_.size() == watched_.size();
  for (std::size_t i = 0; same && i < watched_.size(); ++i) {
    same = watched_[i].stream.before.counts == other.watched_[i].stream.before.counts;
  }
  if (!same) return Status::invalid_argument("the judges are of different references");
  for (std::size_t i = 0; i < watched_.size(); ++i) {
    watched_[i].detector.merge(other.watched_[i].detector);
    if (!watched_[i].alert) watched_[i].alert = other.watched_[i].alert;
  }
  rows_ += other.rows_;
  return {};
}

}  // namespace mlops
