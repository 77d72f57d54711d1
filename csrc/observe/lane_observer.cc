#include <algorithm>
#include <cstring>
#include <limits>

#include "base/single_writer.h"
#include "observe/drift_observer.h"

namespace mlops {
namespace {

constexpr std::size_t kTilesBetween = 32;  // hand-overs
constexpr std::size_t kPickedOfTile = 4;   // rows to show beside an alert

const TensorSpec& spec_of(const ColumnRun& run, const Signature& signature) {
  const bool input = run.role == StreamRole::input;
  return input ? signature.inputs[run.tensor] : signature.outputs[run.tensor];
}

bool has(bool input, const ObservedRows& rows) {
  return input ? !rows.inputs.empty() : !rows.outputs.empty();
}

// Single values and short rows are most of what comes: no call for them.
void copy_row(float* to, const std::byte* from, std::size_t size) {
  constexpr std::size_t kStep = 16;
  if (size < kStep || size > 16 * kStep) {
    std::memcpy(to, from, size);
    return;
  }
  auto* at = reinterpret_cast<std::byte*>(to);
  std::size_t done = 0;
  for (; done + kStep <= size; done += kStep) std::memcpy(at + done, from + done, kStep);
  std::memcpy(at + size - kStep, from + size - kStep, kStep);  // some of it once more
}

}  // namespace

LaneObserver::LaneObserver(std::shared_ptr<DriftObserver> shared, const Clock& clock)
    : shared_(std::move(shared)), clock_(clock), budget_(shared_->options().cost_share_max, clock) {
  adopt(shared_->epoch());
}

// What was counted against the reference before, and not handed over, goes with it: nobody reads
// the windows of an epoch that is over.
void LaneObserver::adopt(std::shared_ptr<DriftEpoch> epoch) {
  epoch_ = std::move(epoch);
  counter_ = std::make_unique<RowCounter>(epoch_->reference);
  segments_ = std::make_unique<SegmentCounter>(epoch_->reference);
  statistics_ = StatisticRunner();
  handed_ = epoch_->reference->empty_counts();
  handed_segments_ = empty_segments(*epoch_->reference);
  copies_.clear();
  of_inputs_ = of_outputs_ = false;
  for (const ColumnRun& run : epoch_->runs) {
    const TensorSpec& spec = spec_of(run, shared_->signature());
    const std::size_t columns = columns_of(spec).value_or(0);
    const bool strings = spec.dtype == DType::bytes;
    (run.role == StreamRole::input ? of_inputs_ : of_outputs_) = true;
    const bool plain = spec.dtype == DType::f32 && !run.codes;
    copies_.push_back({&run, run.role == StreamRole::input, spec.dtype, columns,
                       strings ? 0 : columns * size_of(spec.dtype),
                       plain ? run.count * sizeof(float) : 0});
  }
  std::ranges::fill(without_, 0);
  handed_seen_ = seen_;
  tiles_ = 0;
  picked_ = RecentRows(epoch_->reference->streams.size(),
                       epoch_->collecting ? 0 : kPickedOfTile * kTilesBetween);
  slot_from_ = slot_end_ = TimePoint();
}

// False: not of the signature.
bool LaneObserver::copy_run(const Copy& copy, const ObservedRows& rows, std::size_t first,
                            std::size_t count) {
  const ColumnRun& run = *copy.run;
  float* to = counter_->next_row() + run.to;
  const std::size_t stride = counter_->stride();
  if (!has(copy.input, rows)) {
    for (std::size_t row = 0; row < count; ++row, to += stride) {
      std::fill_n(to, run.count, std::numeric_limits<float>::quiet_NaN());
    }
    return true;
  }
  const Tensor* const tensor = copy.input ? &rows.inputs[run.tensor] : rows.outputs[run.tensor];
  if (!tensor || tensor->dtype != copy.dtype) return false;
  const std::size_t all = rows.of > 0 ? rows.of : rows.rows;
  if (copy.row_size > 0 && tensor->bytes.size() != all * copy.row_size) return false;
  if (copy.plain == 0) return stage_run(run, *tensor, copy.columns, first, count, to, stride);
  const std::byte* from = tensor->bytes.data() + first * copy.row_size + run.from * sizeof(float);
  for (std::size_t row = 0; row < count; ++row, to += stride, from += copy.row_size) {
    copy_row(to, from, copy.plain);
  }
  return true;
}

// How many rows were taken: all, unless they are not of the signature.
std::size_t LaneObserver::stage(const ObservedRows& rows) {
  std::size_t first = 0;
  while (first < rows.rows) {
    const std::size_t count = std::min(rows.rows - first, counter_->free_rows());
    for (const Copy& copy : copies_) {
      if (!copy_run(copy, rows, rows.first + first, count)) return first;
    }
    counter_->stage(count);
    seen_ += count;
    if (rows.inputs.empty() && of_inputs_) {
      without_[static_cast<std::size_t>(StreamRole::input)] += count;
    }
    if (rows.outputs.empty() && of_outputs_) {
      without_[static_cast<std::size_t>(StreamRole::output)] += count;
    }
    first += count;
    if (counter_->free_rows() == 0) fold_tile();
  }
  return first;
}

void LaneObserver::enter_slot(TimePoint now) {
  if (unsettled()) {
    fold_tile();
    std::unique_lock lock(epoch_->mutex, std::try_to_lock);
    if (lock) hand_over(lock);
  }
  slot_from_ = epoch_->windows.slot_begin(now);
  slot_end_ = slot_from_ + epoch_->windows.finest_slot();
  began_ = now;
  leave_out_ = 0;  // no minute goes by unseen
}

void LaneObserver::observe(const ObservedRows& rows, TimePoint now) {
  if (!shared_->is_newest(epoch_.get())) adopt(shared_->epoch());
  if (rows.rows == 0) return;
  if (now < slot_from_ || now >= slot_end_) enter_slot(now);
  now_ = now;
  last_rows_ = rows.rows;
  if (leave_out_ > 0) {
    leave_out_ -= std::min<std::uint64_t>(leave_out_, rows.rows);
    seen_ += rows.rows;
    bump(rows_left_out_, rows.rows);
    return;
  }
  const bool timed = budget_.times_next();
  const TimePoint start = timed ? clock_.now() : TimePoint();
  const std::size_t staged = stage(rows);
  bump(rows_counted_, staged);
  if (staged < rows.rows) bump(rows_unfit_, rows.rows - staged);
  if (timed && staged > 0) bump(ns_, budget_.staged(start, staged));
}

void LaneObserver::after_reply() {
  if (counter_->staged() > 0 && counter_->free_rows() < last_rows_) fold_tile();
}

void LaneObserver::fold_tile() {
  if (counter_->staged() == 0) return;
  const TimePoint start = clock_.now();
  const std::size_t rows = counter_->staged();
  if (epoch_->collecting) {
    if (const std::unique_lock lock(epoch_->mutex, std::try_to_lock); lock) {
      const float* const end = counter_->next_row();
      epoch_->sample->offer(end - counter_->staged() * counter_->stride(), counter_->staged(),
                            counter_->stride());
    }
  }
  pick_rows();
  // Rows that lack what streams are of (answers in parts) are in no segment.
  if (segments_->any() && without_[0] + without_[1] == 0) {
    const float* const end = counter_->next_row();
    segments_->add(end - rows * counter_->stride(), rows, counter_->stride());
  }
  run_statistics(rows);
  counter_->fold();
  if (++tiles_ >= kTilesBetween) {
    std::unique_lock lock(epoch_->mutex, std::try_to_lock);
    if (lock) hand_over(lock);
  }
  bump(ns_, budget_.folded(start, rows));
  // So many rows are left out that the mean cost stays within what it may be. The number is drawn,
  // so that no period of the traffic is missed or met every time.
  const std::uint64_t mean = budget_.left_out_mean(seen_, now_);
  if (mean > 0 && !epoch_->collecting) leave_out_ = random() % (2 * mean + 1);
}

// What users brought sees the tile last; rows that lack what streams are of are left out, as of
// segments. Other statistics are taken over where that needs no waiting, or with a later tile.
void LaneObserver::run_statistics(std::size_t rows) {
  if (epoch_->newest_statistics.load(std::memory_order_acquire) != statistics_.statistics().get()) {
    const std::unique_lock lock(epoch_->mutex, std::try_to_lock);
    if (!lock) return;
    statistics_ = StatisticRunner(epoch_->statistics, *epoch_->reference);
  }
  if (!statistics_.any() || without_[0] + without_[1] > 0) return;
  const float* const end = counter_->next_row();
  statistics_.add(end - rows * counter_->stride(), rows, counter_->stride());
}

std::uint64_t LaneObserver::random() {
  random_ ^= random_ << 13;
  random_ ^= random_ >> 7;
  random_ ^= random_ << 17;
  return random_;
}

// A few of the staged rows, drawn at random; of a few rows all.
void LaneObserver::pick_rows() {
  const std::size_t staged = counter_->staged();
  const float* const first = counter_->next_row() - staged * counter_->stride();
  const std::size_t picked = std::min(staged, kPickedOfTile);
  for (std::size_t i = 0; i < picked; ++i) {
    const std::size_t row = staged == picked ? i : random() % staged;
    picked_.add(first + row * counter_->stride());
  }
}

void LaneObserver::hand_over(std::unique_lock<std::mutex>& /*lock*/) {
  counter_->take(handed_);
  for (std::size_t i = 0; i < handed_.size(); ++i) {
    const StreamRole role = epoch_->reference->streams[i].name.role;
    handed_[i].own(OwnMass::missing) -= without_[static_cast<std::size_t>(role)];
  }
  epoch_->windows.add(handed_, seen_ - handed_seen_, began_);
  if (statistics_.any() && statistics_.statistics() == epoch_->statistics) {
    statistics_.take(epoch_->statistic_sums);
  }
  if (!epoch_->collecting) {
    for (std::size_t i = 0; i < handed_.size(); ++i) epoch_->unjudged[i].add(handed_[i]);
    if (segments_->any()) {
      segments_->take(handed_segments_);
      add_segments(epoch_->unjudged_segments, handed_segments_);
      clear_segments(handed_segments_);
    }
    for (std::size_t age = picked_.rows(); age-- > 0;) epoch_->recent.add(picked_.row(age).data());
    picked_.clear();
  }
  clear_counts(handed_);
  std::ranges::fill(without_, 0);
  handed_seen_ = seen_;
  tiles_ = 0;
}

void LaneObserver::settle() {
  if (!shared_->is_newest(epoch_.get())) adopt(shared_->epoch());
  if (!unsettled()) return;
  if (counter_->staged() > 0) fold_tile();
  std::unique_lock lock(epoch_->mutex);
  hand_over(lock);
  slot_from_ = slot_end_ = TimePoint();
}

DriftCost LaneObserver::cost() const {
  const auto read = [](const std::atomic<std::uint64_t>& counter) {
    return counter.load(std::memory_order_relaxed);
  };
  return {read(rows_counted_), read(rows_left_out_), read(rows_unfit_), read(ns_)};
}

}  // namespace mlops
