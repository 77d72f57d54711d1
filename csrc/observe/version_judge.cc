#include "observe/version_judge.h"

#include <algorithm>

#include "observe/judge_bytes.h"
#include "observe/stream_cells.h"

namespace mlops {
namespace {

std::vector<JudgedStream> judged_streams(const Reference& reference) {
  std::vector<JudgedStream> streams;
  for (const StreamReference& stream : reference.streams) {
    const NumericBins& bins = stream.numeric;
    JudgedStream judged{{stream.counts, bins.edges, bins.quantiles, bins.min, bins.max},
                        stream.name.role == StreamRole::output,
                        {}};
    for (const Segmentation& by : reference.segmentations) {
      judged.segments.emplace_back();
      for (const CountsTable& table : by.counts) {
        judged.segments.back().push_back(table[streams.size()]);
      }
    }
    streams.push_back(std::move(judged));
  }
  return streams;
}

// Cells that hold more than before are where the change is to be seen.
bool gained(const DriftAlert& alert, std::uint32_t cell) {
  return std::ranges::any_of(alert.cells, [&](const ChangedCell& moved) {
    return moved.cell == cell && moved.now > moved.before;
  });
}

}  // namespace

VersionJudge::VersionJudge(ReferencePtr reference, const JudgeOptions& options)
    : reference_(std::move(reference)),
      options_(options),
      judge_(judged_streams(*reference_), options),
      samples_(reference_->streams.size()) {}

void VersionJudge::show(std::size_t stream, const RecentRows& recent) {
  const std::optional<DriftAlert>& alert = judge_.alert(stream);
  if (!alert || (!samples_[stream].empty() && alert->repeats > 0)) return;
  const std::size_t most = std::min(kSamplesOfAlert, kSampleValues / samples_.size());
  std::vector<SampleRow> found;
  for (std::size_t age = 0; age < recent.rows() && found.size() < most; ++age) {
    const std::span<const float> row = recent.row(age);
    const std::uint32_t cell = cell_of(reference_->streams[stream], row[stream]);
    if (gained(*alert, cell)) found.push_back({cell, {row.begin(), row.end()}});
  }
  samples_[stream] = std::move(found);
}

std::vector<NumberedEvent> VersionJudge::see(const CountsTable& tile,
                                             const std::vector<CountsTable>& segments,
                                             const RecentRows& recent, TimePoint now) {
  const std::lock_guard lock(mutex_);
  Result<std::vector<DriftEvent>> found = judge_.see(tile, now, segments);
  std::vector<NumberedEvent> events;
  if (!found.ok()) return events;  // of another reference: the caller's epochs keep them apart
  for (DriftEvent& event : *found) {
    NumberedEvent numbered{++last_event_, std::move(event), {}};
    ++counted_[static_cast<std::size_t>(numbered.event.kind)];
    if (numbered.event.alert) {
      const std::size_t stream = numbered.event.alert->stream;
      if (numbered.event.kind == DriftEventKind::recovered) {
        samples_[stream].clear();
      } else {
        show(stream, recent);
        numbered.samples = samples_[stream];
      }
    }
    events_.push_back(numbered);
    if (events_.size() > kEventsKept) events_.pop_front();
    events.push_back(std::move(numbered));
  }
  return events;
}

JudgeView VersionJudge::view(std::uint64_t after) const {
  JudgeView view;
  view.reference = reference_;
  view.options = options_;
  const std::lock_guard lock(mutex_);
  view.rows = judge_.rows();
  for (DriftAlert& alert : judge_.active()) {
    const std::size_t stream = alert.stream;
    view.active.push_back({std::move(alert), samples_[stream]});
  }
  std::ranges::stable_sort(view.active, std::greater(), [](const ShownAlert& shown) {
    return std::pair(shown.alert.severity, shown.alert.psi_debiased);
  });
  view.changed = judge_.changed();
  view.last_event = last_event_;
  for (const NumberedEvent& event : events_) {
    if (event.number > after) view.events.push_back(event);
  }
  const std::uint64_t asked = last_event_ > after ? last_event_ - after : 0;
  view.events_forgotten = asked - std::min<std::uint64_t>(asked, view.events.size());
  return view;
}

JudgeFigures VersionJudge::figures() const {
  const std::lock_guard lock(mutex_);
  JudgeFigures figures;
  figures.rows = judge_.rows();
  std::ranges::copy(counted_, figures.events);
  for (std::size_t i = 0; i < judge_.streams(); ++i) {
    const std::optional<DriftAlert>& alert = judge_.alert(i);
    if (alert) {
      figures.active.push_back({reference_->streams[i].name.label, alert->severity,
                                alert->cause.kind, alert->psi_debiased});
    }
    const double evidence = judge_.detector(i).evidence() / static_cast<double>(judge_.streams());
    figures.evidence_rows = std::max(figures.evidence_rows, evidence);
  }
  return figures;
}

void VersionJudge::reset() {
  const std::lock_guard lock(mutex_);
  judge_ = DriftJudge(judged_streams(*reference_), options_);
  for (auto& samples : samples_) samples.clear();
}

std::string VersionJudge::bytes() const {
  const std::lock_guard lock(mutex_);
  return judge_bytes(*reference_, {judge_, last_event_});
}

Status VersionJudge::restore(std::string_view bytes) {
  JudgeState state{DriftJudge(judged_streams(*reference_), options_), 0};
  if (Status s = read_judge(bytes, *reference_, state); !s.ok()) return s;
  const std::lock_guard lock(mutex_);
  judge_ = std::move(state.judge);
  last_event_ = state.last_event;
  events_.clear();
  for (auto& samples : samples_) samples.clear();
  return {};
}

}  // namespace mlops
