#pragma once
// Labels that come late, joined to predictions by request id, and credited to the slot of time in
// which the prediction was made, for each version. Bounded in bytes and time; what is made at the
// start is all the memory there is. Any thread may call anything.

#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/histogram.h"
#include "labels/calibration_bet.h"
#include "labels/prediction_ring.h"
#include "labels/quality.h"

namespace mlops {

// What became of all predictions, labels and rewards; each is counted in exactly one place.
struct JoinCounts {
  std::uint64_t stored = 0;           // predictions
  std::uint64_t repeated = 0;         // predictions whose id was there already: the first stays
  std::uint64_t refused = 0;          // predictions of one version too many, or not of the task
  std::uint64_t joined = 0;           // labels
  std::uint64_t duplicated = 0;       // labels of predictions that had one: the first stays
  std::uint64_t late = 0;             // labels after the time that predictions are kept
  std::uint64_t unknown = 0;          // labels of ids never stored, or no longer
  std::uint64_t inadmissible = 0;     // labels that are none of the task's: NaN, class 7 of 2
  std::uint64_t corrected = 0;        // labels that took the place of an earlier one
  std::uint64_t rewarded = 0;         // rewards that were joined; others count as labels do
  std::uint64_t lost_unlabelled = 0;  // predictions that made room before a label came
};

enum class Joined : std::uint8_t {
  joined,
  duplicated,
  late,
  unknown,
  inadmissible,
  corrected,
  rewarded,
};
inline constexpr std::size_t kJoinedKinds = 7;
std::string_view name_of(Joined joined);

// What somebody says of a prediction: how it turned out, that what was said was wrong, or what it
// was worth.
enum class FeedbackKind : std::uint8_t { label, correction, reward };
struct Feedback {
  FeedbackKind kind = FeedbackKind::label;
  std::string id;
  double value = 0;
};

// A prediction on its way into the join.
struct MadePrediction {
  IdHash id;
  double score = 0;
  std::int32_t predicted = 0;
};

// What a binary model's scores promise, if they are chances (CBPE): sums over all predictions.
struct Expectation {
  double true_positives = 0, false_positives = 0, true_negatives = 0, false_negatives = 0;

  void add(double score, std::int32_t predicted);
  void merge(const Expectation& other);
  double accuracy() const;  // of nothing, all are NaN
  double precision() const;
  double recall() const;
  double f1() const;
};

// Of one version over some slots.
struct RealisedQuality {
  std::uint64_t predictions = 0;
  Quality quality;
  Expectation expected;        // of the predictions of a binary task
  HistogramSnapshot delay_ms;  // from prediction to label
  std::uint64_t rewards = 0;
  double reward_sum = 0;
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
    // One version too many takes the place of the one whose last prediction is the oldest, and what
    // was known of that is gone; else its predictions are refused.
    bool replace_versions = false;
    std::uint64_t seed = 0;  // of the ids' hash; of a process, unpredictable
  };
  static Status check(const Options& options);
  LabelJoin(const Options& options, const Clock& clock);

  void predicted(std::string_view id, std::int64_t version, double score, std::int32_t predicted);
  // Many at once, whose ids were hashed before: for lanes, off the way of a reply.
  void predicted(std::span<const MadePrediction> made, std::int64_t version);
  IdHash hash_of(std::string_view id) const { return ring_.hash_of(id); }

  Joined label(std::string_view id, double label);
  // A correction takes the place of a label, or is one where none has come; what the bet on the
  // scores has lost or won by the first label stays. A prediction is rewarded once.
  Joined take(const Feedback& feedback);

  // The slots that began within the last `span`; the current one is always among them.
  RealisedQuality realised(std::int64_t version, Duration span) const;
  // The bet on each version's binary scores as chances, since it was first seen.
  CalibrationBet calibration(std::int64_t version) const;
  JoinCounts counts() const;
  std::vector<std::int64_t> versions() const;  // with predictions
  const Options& options() const { return options_; }

 private:
  struct Slot {
    std::int64_t number = -1;  // since the clock's epoch
    RealisedQuality realised;
  };
  struct Version {
    std::int64_t version = 0;
    std::vector<Slot> slots;
    CalibrationBet bet;
    TimePoint last{};  // prediction
  };

  std::int64_t number_of(TimePoint at) const { return at.time_since_epoch() / options_.slot; }
  Version* find(std::int64_t version);
  const Version* find(std::int64_t version) const;
  Version* begin(std::int64_t version);
  Slot& current(Version& of, std::int64_t number);
  void store(const MadePrediction& made, std::int64_t version, TimePoint now);
  Joined join(const Feedback& feedback);
  Joined join_to(PredictionRing::Entry& entry, const Feedback& feedback, TimePoint now);

  const Options options_;
  const Clock& clock_;
  mutable std::mutex mutex_;
  PredictionRing ring_;
  std::vector<Version> versions_;  // all made at the start; the first `known_` are in use
  std::size_t known_ = 0;
  JoinCounts counts_;
};

}  // namespace mlops
