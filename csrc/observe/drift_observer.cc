#include "observe/drift_observer.h"

#include <algorithm>

#include "observe/reference_build.h"

namespace mlops {
namespace {

constexpr std::size_t kCollectedColumnsMax = 4096;
constexpr std::size_t kRecentFloats = 16'384;  // of all recent rows together

bool fixed_row(const TensorSpec& spec) {
  return spec.rank_known && !spec.dims.empty() && spec.dtype != DType::bytes &&
         std::ranges::all_of(spec.dims.begin() + 1, spec.dims.end(),
                             [](std::int64_t size) { return size > 0; });
}

// Of the columns of one tensor, without a row.
void add_columns(StreamRole role, const TensorSpec& spec, std::vector<StreamReference>& streams) {
  if (!fixed_row(spec)) return;
  const std::size_t columns = columns_of(spec).value_or(0);
  if (streams.size() + columns > kCollectedColumnsMax) return;
  for (std::uint32_t column = 0; column < columns; ++column) {
    std::string label = columns == 1 ? spec.name : spec.name + "[" + std::to_string(column) + "]";
    streams.push_back(numeric_reference({role, spec.name, column, std::move(label)}, {}, {}));
  }
}

// So many that even a value of one row in a hundred is among them; of very wide rows fewer.
std::size_t recent_rows_of(const Reference& reference, bool collects) {
  if (collects) return 0;
  const std::size_t fit = kRecentFloats / std::max<std::size_t>(reference.streams.size(), 1);
  return std::clamp<std::size_t>(fit, 8, 512);
}

}  // namespace

DriftEpoch::DriftEpoch(ReferencePtr of, std::vector<ColumnRun> columns, const DriftOptions& options,
                       bool collects)
    : reference(std::move(of)),
      comparer(comparer_of(*reference)),
      runs(std::move(columns)),
      collecting(collects),
      windows(reference, options.levels),
      unjudged(reference->empty_counts()),
      unjudged_segments(empty_segments(*reference)),
      recent(reference->streams.size(), recent_rows_of(*reference, collects)),
      judge(collects ? nullptr : std::make_unique<VersionJudge>(reference, options.judge)) {
  if (collecting) sample.emplace(reference->streams.size(), options.sample_rows_max);
}

DriftCost& DriftCost::operator+=(const DriftCost& other) {
  rows_counted += other.rows_counted;
  rows_left_out += other.rows_left_out;
  rows_unfit += other.rows_unfit;
  ns += other.ns;
  return *this;
}

Status DriftObserver::begin(ReferencePtr reference, bool collecting) {
  Result<std::vector<ColumnRun>> runs = plan_columns(*reference, signature_);
  if (!runs.ok()) return runs.status();
  auto made =
      std::make_shared<DriftEpoch>(std::move(reference), *std::move(runs), options_, collecting);
  if (const std::shared_ptr<DriftEpoch> before = epoch()) {
    const std::lock_guard lock(before->mutex);
    made->statistics = before->statistics;
  }
  if (made->statistics) made->statistic_sums = empty_statistics(*made->statistics);
  made->newest_statistics = made->statistics.get();
  const std::lock_guard lock(mutex_);
  epoch_.store(made.get(), std::memory_order_release);
  newest_.swap(made);
  return {};  // the one before may end here, after the lock
}

Status DriftObserver::begin_collecting() {
  std::vector<StreamReference> streams;
  for (const TensorSpec& spec : collected_.inputs) add_columns(StreamRole::input, spec, streams);
  for (const TensorSpec& spec : collected_.outputs) add_columns(StreamRole::output, spec, streams);
  if (streams.empty()) {
    return Status::invalid_argument("the model has no columns of numbers to watch for drift");
  }
  Result<ReferencePtr> blank = seal_reference(std::move(streams));
  return blank.ok() ? begin(*std::move(blank), true) : blank.status();
}

std::shared_ptr<DriftEpoch> DriftObserver::epoch() const {
  const std::lock_guard lock(mutex_);
  return newest_;
}

Result<std::shared_ptr<DriftObserver>> DriftObserver::create(const Signature& signature,
                                                             const Signature& of,
                                                             ReferencePtr reference,
                                                             DriftOptions options) {
  std::shared_ptr<DriftObserver> observer(new DriftObserver(signature, of, std::move(options)));
  if (Status s = observer->begin(std::move(reference), false); !s.ok()) return s;
  return observer;
}

Result<std::shared_ptr<DriftObserver>> DriftObserver::collect(const Signature& signature,
                                                              const Signature& of,
                                                              DriftOptions options) {
  std::shared_ptr<DriftObserver> observer(new DriftObserver(signature, of, std::move(options)));
  if (Status s = observer->begin_collecting(); !s.ok()) return s;
  return observer;
}

DriftSnapshot DriftObserver::over(Duration span, TimePoint now) const {
  const std::shared_ptr<DriftEpoch> counted = epoch();
  const std::lock_guard lock(counted->mutex);
  if (counted->collecting) return {nullptr, {}, counted->sample->offered(), nullptr, {}};
  return {
      counted->reference, counted->windows.between(now - span, now, now), 0, counted->comparer, {}};
}

DriftSnapshot DriftObserver::since_start() const {
  const std::shared_ptr<DriftEpoch> counted = epoch();
  const std::lock_guard lock(counted->mutex);
  if (counted->collecting) return {nullptr, {}, counted->sample->offered(), nullptr, {}};
  return {counted->reference, counted->windows.since_start(), 0, counted->comparer, {}};
}

Result<DriftSnapshot> DriftObserver::look(DriftLook how, Duration span, TimePoint now) const {
  const std::shared_ptr<DriftEpoch> counted = epoch();
  const std::lock_guard lock(counted->mutex);
  if (counted->collecting) {
    return Status::unavailable("rows are collected, and there is no reference yet");
  }
  DriftSnapshot seen{counted->reference, {}, 0, counted->comparer, {}};
  if (how == DriftLook::decayed) {
    seen.window = counted->windows.decayed(span, now);
    return seen;
  }
  Result<TwoWindows> windows = how == DriftLook::period_before
                                   ? counted->windows.periods(span, now)
                                   : counted->windows.hours_of_week(span, now);
  if (!windows.ok()) return windows.status();
  seen.window = std::move(windows->now);
  seen.before = std::move(windows->before);
  return seen;
}

void DriftObserver::reset() {
  const std::shared_ptr<DriftEpoch> counted = epoch();
  const std::lock_guard lock(counted->mutex);
  counted->windows.clear();
  if (counted->sample) counted->sample->clear();
  clear_counts(counted->unjudged);
  clear_segments(counted->unjudged_segments);
  counted->recent.clear();
  clear_statistics(counted->statistic_sums);
  if (counted->judge) counted->judge->reset();
}

Status DriftObserver::use_statistics(std::vector<UserStatistic> statistics) {
  const std::lock_guard freezing(freeze_mutex_);  // no other reference meanwhile
  const std::shared_ptr<DriftEpoch> counted = epoch();
  if (Status s = check_statistics(statistics, *counted->reference); !s.ok()) return s;
  auto used = std::make_shared<const std::vector<UserStatistic>>(std::move(statistics));
  const std::lock_guard lock(counted->mutex);
  counted->statistic_sums = empty_statistics(*used);
  counted->statistics.swap(used);
  counted->newest_statistics.store(counted->statistics.get(), std::memory_order_release);
  return {};
}

StatisticSnapshot DriftObserver::statistics() const {
  const std::shared_ptr<DriftEpoch> counted = epoch();
  const std::lock_guard lock(counted->mutex);
  return {counted->statistics, counted->statistic_sums};
}

Judged DriftObserver::judge(TimePoint wall) {
  const std::lock_guard judging(judge_mutex_);
  const std::shared_ptr<DriftEpoch> counted = epoch();
  if (counted->collecting) return {};
  if (counted != judged_) {  // the tile has the bins of another reference
    tile_ = counted->reference->empty_counts();
    tile_segments_ = empty_segments(*counted->reference);
    judged_ = counted;
  }
  std::optional<RecentRows> recent;
  {
    const std::lock_guard lock(counted->mutex);
    if (counted->unjudged.empty() || counted->unjudged.front().rows() == 0) return {};
    tile_.swap(counted->unjudged);
    tile_segments_.swap(counted->unjudged_segments);
    recent = counted->recent;
  }
  Judged judged{counted->reference, counted->judge->see(tile_, tile_segments_, *recent, wall)};
  clear_counts(tile_);
  clear_segments(tile_segments_);
  return judged;
}

Status DriftObserver::freeze() {
  const std::lock_guard freezing(freeze_mutex_);
  const std::shared_ptr<DriftEpoch> collected = epoch();
  if (!collected->collecting) return Status::already_exists("there is a reference already");
  std::vector<StreamReference> streams;
  std::vector<std::vector<float>> columns;
  {
    const std::lock_guard lock(collected->mutex);
    const std::size_t rows = collected->sample->rows();
    if (rows < options_.freeze_rows_min) {
      return Status::unavailable("a reference needs " + std::to_string(options_.freeze_rows_min) +
                                 " rows; " + std::to_string(rows) + " were collected");
    }
    for (std::size_t i = 0; i < collected->reference->streams.size(); ++i) {
      columns.push_back(collected->sample->column(i));
    }
  }
  for (std::size_t i = 0; i < columns.size(); ++i) {
    streams.push_back(numeric_reference(collected->reference->streams[i].name, columns[i], {}));
  }
  Result<ReferencePtr> reference = seal_reference(std::move(streams));
  if (!reference.ok()) return reference.status();
  return begin(*std::move(reference), false);
}

Status DriftObserver::replace(ReferencePtr reference) {
  const std::lock_guard freezing(freeze_mutex_);
  return begin(std::move(reference), false);
}

Status DriftObserver::collect_again() {
  const std::lock_guard freezing(freeze_mutex_);
  return begin_collecting();
}

}  // namespace mlops
