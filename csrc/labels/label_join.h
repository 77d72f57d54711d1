#pragma once
// Labels that come late, joined to predictions by request id, and credited to the slot of time in
// which the prediction was made, for each version. Bounded in bytes and time; what is made at the
// start is all the memory there is. Any thread may call anything.

#include <mutex>
#include <string_view>
#include <vector>

#include "base/histogram.h"
#include "labels/calibration_bet.h"
#include "labels/prediction_ring.h"
#include "labels/quality.h"

namespace mlops {

// What became of all predictions and labels; each is counted in exactly one of its three or five.
struct JoinCounts {
  std::uint64_t stored = 0;           // predictions
  std::uint64_t repeated = 0;         // predictions whose id was there already: the first stays
  std::uint64_t refused = 0;          // predictions of one version too many, or not of the task
  std::uint64_t joined = 0;           // labels
  std::uint64_t duplicated = 0;       // labels of predictions that had one: the first stays
  std::uint64_t late = 0;             // labels after the time that predictions are kept
  std::uint64_t unknown = 0;          // labels of ids never stored, or no longer
  std::uint64_t inadmissible = 0;     // labels that are none of the task's: NaN, class 7 of 2
  std::uint64_t lost_unlabelled = 0;  // predictions that made room before a label came
};

enum class Joined : std::uint8_t { joined, duplicated, late, unknown, inadmissible };

// Of one version over some slots.
struct RealisedQuality {
  std::uint64_t predictions = 0;
  Quality quality;
  HistogramSnapshot delay_ms;  // from prediction to label
  double coverage() const {
    return predictions == 0
               ? 0
               : static_cast<double>(quality.count()) / static_cast<double>(predictions);
  }
};

class LabelJoin {
 public:
  struct Options {
    Task task = Task::binary;
    std::int32_t classes = 2;
    std::size_t bytes = 64u << 20;  // of the predictions kept; slots are about 10 KB each
    Duration keep = std::chrono::hours(24);
    Duration slot = std::chrono::minutes(10);
    std::size_t slots = 144;  // a label credited to a slot that is gone is late
    std::size_t versions = 4;
    std::uint64_t seed = 0;  // of the ids' hash; of a process, unpredictable
  };
  static Status check(const Options& options);
  LabelJoin(const Options& options, const Clock& clock);

  void predicted(std::string_view id, std::int64_t version, double score, std::int32_t predicted);
  Joined label(std::string_view id, double label);

  // The slots that began within the last `span`; the current one is always among them.
  RealisedQuality realised(std::int64_t version, Duration span) const;
  // The bet on each version's binary scores as chances, since it was first seen.
  CalibrationBet calibration(std::int64_t version) const;
  JoinCounts counts() const;

 private:
  struct Slot {
    std::int64_t number = -1;  // since the clock's epoch
    RealisedQuality realised;
  };
  struct Version {
    std::int64_t version = 0;
    std::vector<Slot> slots;
    CalibrationBet bet;
  };

  std::int64_t number_of(TimePoint at) const { return at.time_since_epoch() / options_.slot; }
  Version* find(std::int64_t version);
  const Version* find(std::int64_t version) const;
  Slot& current(Version& of, std::int64_t number);
  Joined join(std::string_view id, double label);

  const Options options_;
  const Clock& clock_;
  mutable std::mutex mutex_;
  PredictionRing ring_;
  std::vector<Version> versions_;  // all made at the start; the first `known_` are in use
  std::size_t known_ = 0;
  JoinCounts counts_;
};

}  // namespace mlops
