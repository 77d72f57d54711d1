#include <algorithm>
#include <limits>

#include "base/single_writer.h"
#include "observe/drift_observer.h"

namespace mlops {
namespace {

constexpr std::size_t kTilesBetween = 8;    // hand-overs
constexpr std::uint64_t kTimedOneIn = 64;   // batches, and each of the first ones
constexpr std::uint64_t kFoldsToLearn = 4;  // before anything is left out
constexpr std::uint64_t kLeftOutMax = 63;   // tiles in a row, on average
constexpr std::size_t kPickedOfTile = 4;    // rows to show beside an alert

// An eighth of the way towards what was just seen, of which an interruption of the thread is no
// part.
void learn(double& mean, std::uint64_t ns, std::size_t rows) {
  const double seen = static_cast<double>(ns) / static_cast<double>(rows);
  mean = mean > 0 ? mean + (std::min(seen, 4 * mean) - mean) / 8 : seen;
}

// A cost likewise, but what took less counts at once: caches that are cold and other threads only
// ever make something take longer, and a first look of both would leave rows out for minutes.
void learn_cost(double& mean, std::uint64_t ns, std::size_t rows) {
  learn(mean, ns, rows);
  mean = std::min(mean, static_cast<double>(ns) / static_cast<double>(rows));
}

std::vector<std::size_t> columns_of_all(const std::vector<TensorSpec>& specs) {
  std::vector<std::size_t> columns;
  for (const TensorSpec& spec : specs) columns.push_back(columns_of(spec).value_or(0));
  return columns;
}

}  // namespace

LaneObserver::LaneObserver(std::shared_ptr<DriftObserver> shared, const Clock& clock)
    : shared_(std::move(shared)),
      clock_(clock),
      input_columns_(columns_of_all(shared_->signature().inputs)),
      output_columns_(columns_of_all(shared_->signature().outputs)) {
  adopt(shared_->epoch());
}

// What was counted against the reference before, and not handed over, goes with it: nobody reads
// the windows of an epoch that is over.
void LaneObserver::adopt(std::shared_ptr<DriftEpoch> epoch) {
  epoch_ = std::move(epoch);
  counter_ = std::make_unique<RowCounter>(epoch_->reference);
  handed_ = epoch_->reference->empty_counts();
  std::ranges::fill(without_, 0);
  seen_ = 0;
  tiles_ = 0;
  picked_ = RecentRows(epoch_->reference->streams.size(),
                       epoch_->collecting ? 0 : kPickedOfTile * kTilesBetween);
  slot_ = -1;
}

bool LaneObserver::has(StreamRole role, const ObservedRows& rows) const {
  return role == StreamRole::input ? !rows.inputs.empty() : !rows.outputs.empty();
}

bool LaneObserver::fits(const ObservedRows& rows) const {
  const Signature& signature = shared_->signature();
  const std::size_t all = rows.of > 0 ? rows.of : rows.rows;
  return std::ranges::all_of(epoch_->runs, [&](const ColumnRun& run) {
    if (!has(run.role, rows)) return true;
    const bool input = run.role == StreamRole::input;
    const Tensor* tensor = input ? &rows.inputs[run.tensor] : rows.outputs[run.tensor];
    const TensorSpec& spec = input ? signature.inputs[run.tensor] : signature.outputs[run.tensor];
    if (!tensor || tensor->dtype != spec.dtype) return false;
    if (spec.dtype == DType::bytes) return true;  // read with their lengths
    const std::size_t columns = (input ? input_columns_ : output_columns_)[run.tensor];
    return tensor->bytes.size() == all * columns * size_of(spec.dtype);
  });
}

bool LaneObserver::stage(const ObservedRows& rows) {
  for (std::size_t first = 0; first < rows.rows;) {
    const std::size_t count = std::min(rows.rows - first, counter_->free_rows());
    for (const ColumnRun& run : epoch_->runs) {
      if (!has(run.role, rows)) {
        for (std::size_t row = 0; row < count; ++row) {
          float* const to = counter_->next_row() + row * counter_->stride() + run.to;
          std::fill_n(to, run.count, std::numeric_limits<float>::quiet_NaN());
        }
        continue;
      }
      const bool input = run.role == StreamRole::input;
      const Tensor& tensor = input ? rows.inputs[run.tensor] : *rows.outputs[run.tensor];
      const std::size_t columns = (input ? input_columns_ : output_columns_)[run.tensor];
      if (!stage_run(run, tensor, columns, rows.first + first, count, counter_->next_row() + run.to,
                     counter_->stride())) {
        return false;
      }
    }
    counter_->stage(count);
    for (const StreamRole role : {StreamRole::input, StreamRole::output}) {
      if (!has(role, rows)) without_[static_cast<std::size_t>(role)] += count;
    }
    first += count;
    if (counter_->free_rows() == 0) fold_tile();
  }
  return true;
}

void LaneObserver::observe(const ObservedRows& rows, TimePoint now) {
  if (!shared_->is_newest(epoch_.get())) adopt(shared_->epoch());
  if (rows.rows == 0) return;
  if (!fits(rows)) {
    bump(rows_unfit_, rows.rows);
    return;
  }
  const std::int64_t slot = epoch_->windows.slot_of(now);
  if (slot != slot_) {
    if (unsettled()) {
      fold_tile();
      std::unique_lock lock(epoch_->mutex, std::try_to_lock);
      if (lock) hand_over(lock);
    }
    slot_ = slot;
    began_ = now;
    leave_out_ = 0;  // no minute goes by unseen
  }
  seen_ += rows.rows;
  learn(run_ns_, rows.run_ns, rows.rows);
  last_rows_ = rows.rows;
  if (leave_out_ > 0) {
    leave_out_ -= std::min<std::uint64_t>(leave_out_, rows.rows);
    bump(rows_left_out_, rows.rows);
    return;
  }
  const bool learning = calls_ < kTimedOneIn;
  const bool timed = learning || calls_ % kTimedOneIn == 0;
  ++calls_;
  const TimePoint start = timed ? clock_.now() : TimePoint();
  if (!stage(rows)) {
    bump(rows_unfit_, rows.rows);
    return;
  }
  bump(rows_counted_, rows.rows);
  if (timed) {
    const std::uint64_t spent = elapsed_ns(start, clock_.now());
    learn_cost(stage_ns_, spent, rows.rows);
    bump(ns_, learning ? spent : spent * kTimedOneIn);
  }
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
  counter_->fold();
  if (++tiles_ >= kTilesBetween) {
    std::unique_lock lock(epoch_->mutex, std::try_to_lock);
    if (lock) hand_over(lock);
  }
  const std::uint64_t spent = elapsed_ns(start, clock_.now());
  bump(ns_, spent);
  learn_cost(fold_ns_, spent, rows);
  ++folds_;
  leave_out_next();
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

// So many rows are left out that the mean cost stays below the share that it may have. The number
// is drawn, so that no period of the traffic is missed or met every time.
void LaneObserver::leave_out_next() {
  if (epoch_->collecting) return;  // is over soon, and wants rows
  if (folds_ < kFoldsToLearn) return;
  const double cost = stage_ns_ + fold_ns_;
  const double share = shared_->options().cost_share_max * run_ns_;
  if (cost <= share) return;
  const double most = kLeftOutMax;
  const double tiles = share > 0 ? std::min(cost / share - 1.0, most) : most;
  const auto mean = static_cast<std::uint64_t>(tiles * static_cast<double>(kTileRows));
  leave_out_ = random() % (2 * mean + 1);
}

void LaneObserver::hand_over(std::unique_lock<std::mutex>& /*lock*/) {
  counter_->take(handed_);
  for (std::size_t i = 0; i < handed_.size(); ++i) {
    const StreamRole role = epoch_->reference->streams[i].name.role;
    handed_[i].own(OwnMass::missing) -= without_[static_cast<std::size_t>(role)];
  }
  epoch_->windows.add(handed_, seen_, began_);
  if (!epoch_->collecting) {
    for (std::size_t i = 0; i < handed_.size(); ++i) epoch_->unjudged[i].add(handed_[i]);
    for (std::size_t age = picked_.rows(); age-- > 0;) epoch_->recent.add(picked_.row(age).data());
    picked_.clear();
  }
  clear_counts(handed_);
  std::ranges::fill(without_, 0);
  seen_ = 0;
  tiles_ = 0;
}

void LaneObserver::settle() {
  if (!shared_->is_newest(epoch_.get())) adopt(shared_->epoch());
  if (!unsettled()) return;
  if (counter_->staged() > 0) fold_tile();
  std::unique_lock lock(epoch_->mutex);
  hand_over(lock);
  slot_ = -1;
}

DriftCost LaneObserver::cost() const {
  const auto read = [](const std::atomic<std::uint64_t>& counter) {
    return counter.load(std::memory_order_relaxed);
  };
  return {read(rows_counted_), read(rows_left_out_), read(rows_unfit_), read(ns_)};
}

}  // namespace mlops
