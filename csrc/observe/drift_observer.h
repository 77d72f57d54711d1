#pragma once
// Drift statistics of a served version: the lanes stage rows and fold tiles, each on its own, and
// hand what they counted to windows that all share. A lane waits for nobody: when the windows are
// being read it keeps its counts and hands them over with its next tile. docs/adr/0033.
//
// Without a reference the lanes fill a sample of rows, until freeze() makes one of it.

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "base/clock.h"
#include "observe/count_budget.h"
#include "observe/recent_rows.h"
#include "observe/row_counter.h"
#include "observe/row_sample.h"
#include "observe/segments.h"
#include "observe/stage.h"
#include "observe/stream_comparer.h"
#include "observe/user_statistic.h"
#include "observe/version_judge.h"
#include "observe/window_ring.h"

namespace mlops {

struct DriftOptions {
  // Of the time that passes on a lane; what would cost more is left out by whole tiles.
  double cost_share_max = 0.02;
  std::size_t sample_rows_max = 20'000;
  std::size_t freeze_rows_min = 1'000;
  std::vector<WindowLevel> levels = WindowRing::usual_levels();
  JudgeOptions judge;
};

// What is counted against one reference. Another reference is another epoch; the one before lives
// on until the last lane or reader has let go of it.
struct DriftEpoch {
  DriftEpoch(ReferencePtr of, std::vector<ColumnRun> columns, const DriftOptions& options,
             bool collects);

  const ReferencePtr reference;
  const ReferenceComparerPtr comparer;
  const std::vector<ColumnRun> runs;
  const bool collecting;
  std::mutex mutex;  // guards what follows; a lane only ever tries it
  WindowRing windows;
  std::optional<RowSample> sample;  // while collecting
  CountsTable unjudged;             // handed over since the judge last came
  SegmentCounts unjudged_segments;  // the same rows, by segment
  RecentRows recent;                // some of those rows, and of earlier ones
  StatisticsPtr statistics;         // that users brought; null: none
  StatisticTable statistic_sums;    // of the rows handed over since
  // The same as `statistics`, for lanes to see without the mutex that theirs are others.
  std::atomic<const std::vector<UserStatistic>*> newest_statistics{nullptr};
  // Has a lock of its own; null while collecting.
  const std::unique_ptr<VersionJudge> judge;
};

// Which rows are looked at beside the last ones, or instead of them.
enum class DriftLook : std::uint8_t {
  period_before,  // the last ones, compared with as many slots right before them
  hours_of_week,  // the last hours, compared with the same hours of earlier weeks
  decayed,        // all rows, where the span is that after which a row counts half
};

struct DriftSnapshot {
  ReferencePtr reference;  // null while collecting
  WindowCounts window;
  std::uint64_t rows_collected = 0;    // while collecting
  ReferenceComparerPtr comparer;       // of the reference's streams; null while collecting
  std::optional<WindowCounts> before;  // what to compare with, instead of the reference's own rows
};

// What users' statistics made of the rows since they were brought or reset.
struct StatisticSnapshot {
  StatisticsPtr statistics;  // null: none
  StatisticTable sums;
};

// What a look of the judge found, and against which reference.
struct Judged {
  ReferencePtr reference;
  std::vector<NumberedEvent> events;
};

struct DriftCost {
  std::uint64_t rows_counted = 0;
  std::uint64_t rows_left_out = 0;  // to save time
  std::uint64_t rows_unfit = 0;     // tensors of another shape than the signature says
  std::uint64_t ns = 0;             // spent on it, estimated from one batch in 64 and every fold

  DriftCost& operator+=(const DriftCost& other);
};

class DriftObserver {
 public:
  // With a reference; invalid_argument when it is not of this signature.
  // `of`: see collect().
  static Result<std::shared_ptr<DriftObserver>> create(const Signature& signature,
                                                       const Signature& of, ReferencePtr reference,
                                                       DriftOptions options = {});
  // Without: all columns of numbers of fixed shape, at most 4,096, of those tensors of the
  // signature that `of` has too.
  static Result<std::shared_ptr<DriftObserver>> collect(const Signature& signature,
                                                        const Signature& of,
                                                        DriftOptions options = {});

  // Of what was handed over; see LaneObserver::settle.
  DriftSnapshot over(Duration span, TimePoint now) const;
  DriftSnapshot since_start() const;
  // unavailable while collecting; otherwise what WindowRing says of it.
  Result<DriftSnapshot> look(DriftLook how, Duration span, TimePoint now) const;
  void reset();
  // A reference of the rows collected so far; from then on rows are counted against it.
  Status freeze();
  // Another reference; what was counted or collected is forgotten. invalid_argument when it is not
  // of this signature. Lanes go over to it with their next rows, and what they had not handed over
  // is counted against none.
  Status replace(ReferencePtr reference);
  // Forgets the reference and collects rows for another one.
  Status collect_again();

  // Other statistics from now on; none of the sums stays. invalid_argument: check_statistics().
  // Another reference keeps them and begins anew.
  Status use_statistics(std::vector<UserStatistic> statistics);
  StatisticSnapshot statistics() const;

  // Judges what was handed over since the last time; `wall` is said again in events. What happened.
  Judged judge(TimePoint wall);

  const Signature& signature() const { return signature_; }
  const DriftOptions& options() const { return options_; }
  std::shared_ptr<DriftEpoch> epoch() const;
  // For whoever holds an epoch: whether it is still the newest one.
  bool is_newest(const DriftEpoch* epoch) const {
    return epoch_.load(std::memory_order_acquire) == epoch;
  }

 private:
  DriftObserver(const Signature& signature, const Signature& collected, DriftOptions options)
      : signature_(signature), collected_(collected), options_(std::move(options)) {}
  Status begin(ReferencePtr reference, bool collecting);
  Status begin_collecting();

  const Signature signature_;
  const Signature collected_;  // the tensors whose columns are collected without a reference
  const DriftOptions options_;
  std::mutex freeze_mutex_;
  std::mutex judge_mutex_;              // one tile after the other; taken before an epoch's
  CountsTable tile_;                    // guarded by judge_mutex_; kept to avoid allocation
  SegmentCounts tile_segments_;         // likewise
  std::shared_ptr<DriftEpoch> judged_;  // guarded by judge_mutex_: whose rows the tile takes
  mutable std::mutex mutex_;            // never held for longer than a pointer takes to copy
  std::shared_ptr<DriftEpoch> newest_;  // guarded by mutex_
  std::atomic<const DriftEpoch*> epoch_{nullptr};  // the same, to compare with and never to follow
};

// Rows of one execution, as the model took and gave them. Where what it takes and what it gives are
// not of the same rows (answers in parts), one of the two is empty: those streams have no rows
// then.
struct ObservedRows {
  std::span<const Tensor> inputs;
  std::span<const Tensor* const> outputs;
  std::size_t rows = 0;  // that count, from `first` on
  std::size_t first = 0;
  std::size_t of = 0;  // rows of the tensors; 0: as many as count
};

// Of one lane, used by whoever runs it.
class LaneObserver {
 public:
  LaneObserver(std::shared_ptr<DriftObserver> shared, const Clock& clock);

  // Copies rows; folds only when they do not fit the tile.
  void observe(const ObservedRows& rows, TimePoint now);
  // Folds when another such batch would not fit: for when the answers are on their way.
  void after_reply();
  // Hands over everything, and waits for the windows: for readers, not for requests.
  void settle();
  bool unsettled() const {
    return counter_->staged() + counter_->folded() + (seen_ - handed_seen_) > 0;
  }

  DriftCost cost() const;  // any thread

 private:
  // A run of columns as it is met with every batch.
  struct Copy {
    const ColumnRun* run;
    bool input;
    DType dtype;
    std::size_t columns;   // elements of a row of the tensor
    std::size_t row_size;  // bytes of them; 0: strings, which are read with their lengths
    std::size_t plain;     // bytes that are copied as they are; 0: see stage_run()
  };

  void adopt(std::shared_ptr<DriftEpoch> epoch);
  void enter_slot(TimePoint now);
  bool copy_run(const Copy& copy, const ObservedRows& rows, std::size_t first, std::size_t count);
  std::size_t stage(const ObservedRows& rows);
  void fold_tile();
  void hand_over(std::unique_lock<std::mutex>& lock);
  void pick_rows();
  void run_statistics(std::size_t rows);
  std::uint64_t random();

  const std::shared_ptr<DriftObserver> shared_;
  const Clock& clock_;
  std::shared_ptr<DriftEpoch> epoch_;
  std::vector<Copy> copies_;  // of its runs
  std::unique_ptr<RowCounter> counter_;
  std::unique_ptr<SegmentCounter> segments_;
  StatisticRunner statistics_;
  CountBudget budget_;
  SegmentCounts handed_segments_;  // as handed_
  CountsTable handed_;             // empty between hand-overs; kept to avoid allocation
  RecentRows picked_{0, 0};        // of the rows not handed over
  TimePoint began_{};              // of the rows not handed over, the first
  TimePoint now_{};                // of the batch before
  TimePoint slot_from_{};          // of the rows not handed over
  TimePoint slot_end_{};           // likewise; not after slot_from_: there are none
  std::size_t last_rows_ = 0;      // of the batch before
  std::size_t tiles_ = 0;          // folded and not handed over
  std::uint64_t seen_ = 0;         // rows, counted or left out
  std::uint64_t handed_seen_ = 0;  // of them, handed over
  std::uint64_t leave_out_ = 0;    // rows to come
  bool of_inputs_ = false;         // whether any stream is
  bool of_outputs_ = false;
  // Rows staged without an input, without an output; both kinds look missing until handed over.
  std::uint64_t without_[2] = {0, 0};
  std::uint64_t random_ = 0x9e3779b97f4a7c15ULL;
  std::atomic<std::uint64_t> rows_counted_{0}, rows_left_out_{0}, rows_unfit_{0}, ns_{0};
};

}  // namespace mlops
