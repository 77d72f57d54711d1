#include "labels/label_join.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

namespace mlops {
namespace {

double ratio(double part, double whole) {
  return whole == 0 ? std::numeric_limits<double>::quiet_NaN() : part / whole;
}

}  // namespace

std::string_view name_of(Joined joined) {
  constexpr std::array<std::string_view, kJoinedKinds> kNames{
      "joined", "duplicated", "late", "unknown", "inadmissible", "corrected", "rewarded"};
  return kNames[static_cast<std::size_t>(joined)];
}

void Expectation::add(double score, std::int32_t predicted) {
  (predicted == 1 ? true_positives : false_negatives) += score;
  (predicted == 1 ? false_positives : true_negatives) += 1 - score;
}

void Expectation::merge(const Expectation& other) {
  true_positives += other.true_positives;
  false_positives += other.false_positives;
  true_negatives += other.true_negatives;
  false_negatives += other.false_negatives;
}

double Expectation::accuracy() const {
  return ratio(true_positives + true_negatives,
               true_positives + true_negatives + false_positives + false_negatives);
}
double Expectation::precision() const {
  return ratio(true_positives, true_positives + false_positives);
}
double Expectation::recall() const {
  return ratio(true_positives, true_positives + false_negatives);
}
double Expectation::f1() const {
  return ratio(2 * true_positives, 2 * true_positives + false_positives + false_negatives);
}

Status LabelJoin::check(const Options& options) {
  if (options.task == Task::binary && options.classes != 2)
    return Status::invalid_argument("a binary task has 2 classes");
  if (options.task == Task::classes && (options.classes < 2 || options.classes > kClassesMax))
    return Status::invalid_argument("classes must be 2 to " + std::to_string(kClassesMax));
  if (options.bytes < 4096) return Status::invalid_argument("bytes must be at least 4096");
  if (options.keep <= Duration::zero() || options.slot <= Duration::zero())
    return Status::invalid_argument("keep and slot must be positive times");
  if (options.slots < 1 || options.slots > 100'000 || options.versions < 1 || options.versions > 64)
    return Status::invalid_argument("slots must be 1 to 100000, versions 1 to 64");
  return {};
}

LabelJoin::LabelJoin(const Options& options, const Clock& clock)
    : options_(options),
      clock_(clock),
      ring_(PredictionRing::entries_in(options.bytes), options.seed),
      versions_(options.versions) {
  Slot empty;
  empty.realised.quality =
      Quality(options.task, options.task == Task::regression ? 0 : options.classes);
  for (Version& version : versions_) version.slots.assign(options.slots, empty);
}

const LabelJoin::Version* LabelJoin::find(std::int64_t version) const {
  for (std::size_t i = 0; i < known_; ++i)
    if (versions_[i].version == version) return &versions_[i];
  return nullptr;
}

LabelJoin::Version* LabelJoin::find(std::int64_t version) {
  return const_cast<Version*>(std::as_const(*this).find(version));
}

// The slot of `number`, emptied when it last held an older one.
LabelJoin::Slot& LabelJoin::current(Version& of, std::int64_t number) {
  Slot& slot = of.slots[static_cast<std::size_t>(number) % of.slots.size()];
  if (slot.number < number) {
    slot.number = number;
    slot.realised.predictions = 0;
    slot.realised.quality.clear();
    slot.realised.expected = {};
    slot.realised.delay_ms = {};
    slot.realised.rewards = 0;
    slot.realised.reward_sum = 0;
  }
  return slot;
}

void LabelJoin::predicted(std::string_view id, std::int64_t version, double score,
                          std::int32_t predicted) {
  const MadePrediction made{hash_of(id), score, predicted};
  this->predicted({&made, 1}, version);
}

void LabelJoin::predicted(std::span<const MadePrediction> made, std::int64_t version) {
  const std::lock_guard lock(mutex_);
  const TimePoint now = clock_.now();
  for (const MadePrediction& one : made) store(one, version, now);
}

LabelJoin::Version* LabelJoin::begin(std::int64_t version) {
  Version* of = known_ < versions_.size()
                    ? &versions_[known_++]
                    : &*std::ranges::min_element(versions_, {}, &Version::last);
  of->version = version;
  of->bet = {};
  for (Slot& slot : of->slots) slot.number = -1;
  return of;
}

void LabelJoin::store(const MadePrediction& made, std::int64_t version, TimePoint now) {
  Version* of = find(version);
  if (!versions_[0].slots[0].realised.quality.admits(made.score, made.predicted, 0) ||
      (!of && known_ == versions_.size() && !options_.replace_versions)) {
    ++counts_.refused;
    return;
  }
  bool lost = false;
  if (!ring_.insert(made.id, {now, version, made.score, made.predicted}, lost)) {
    ++counts_.repeated;
    return;
  }
  counts_.lost_unlabelled += lost;
  ++counts_.stored;
  if (!of) of = begin(version);
  of->last = now;
  RealisedQuality& realised = current(*of, number_of(now)).realised;
  ++realised.predictions;
  if (options_.task == Task::binary) realised.expected.add(made.score, made.predicted);
}

Joined LabelJoin::join(const Feedback& feedback) {
  PredictionRing::Entry* entry = ring_.find(feedback.id);
  if (!entry) return Joined::unknown;
  const bool again = feedback.kind == FeedbackKind::reward  ? entry->rewarded
                     : feedback.kind == FeedbackKind::label ? entry->labelled
                                                            : false;
  if (again) return Joined::duplicated;
  const TimePoint now = clock_.now();
  if (now - entry->prediction.at > options_.keep) return Joined::late;
  return join_to(*entry, feedback, now);
}

Joined LabelJoin::join_to(PredictionRing::Entry& entry, const Feedback& feedback, TimePoint now) {
  const Prediction& made = entry.prediction;
  Version* const known = find(made.version);
  if (!known) return Joined::late;
  Version& of = *known;
  Slot& slot = of.slots[static_cast<std::size_t>(number_of(made.at)) % of.slots.size()];
  if (slot.number != number_of(made.at)) return Joined::late;
  RealisedQuality& realised = slot.realised;
  if (feedback.kind == FeedbackKind::reward) {
    if (!std::isfinite(feedback.value)) return Joined::inadmissible;
    entry.rewarded = true;
    ++realised.rewards;
    realised.reward_sum += feedback.value;
    return Joined::rewarded;
  }
  if (!realised.quality.admits(made.score, made.predicted, feedback.value)) {
    return Joined::inadmissible;
  }
  const bool corrects = entry.labelled;
  if (corrects) realised.quality.remove(made.score, made.predicted, entry.label);
  entry.labelled = true;
  entry.label = feedback.value;
  realised.quality.add(made.score, made.predicted, feedback.value);
  if (corrects) return Joined::corrected;
  const std::uint64_t delay = elapsed_ns(made.at, now) / 1'000'000;
  ++realised.delay_ms.counts[Histogram::bucket_of(delay)];
  ++realised.delay_ms.count;
  realised.delay_ms.sum += delay;
  if (options_.task == Task::binary) {
    const double chance = made.predicted == 1 ? made.score : 1 - made.score;
    of.bet.add(chance, feedback.value == made.predicted);
  }
  return Joined::joined;
}

Joined LabelJoin::label(std::string_view id, double label) {
  return take({FeedbackKind::label, std::string(id), label});
}

Joined LabelJoin::take(const Feedback& feedback) {
  const std::lock_guard lock(mutex_);
  const Joined joined = join(feedback);
  std::uint64_t* const counters[kJoinedKinds] = {
      &counts_.joined,       &counts_.duplicated, &counts_.late,    &counts_.unknown,
      &counts_.inadmissible, &counts_.corrected,  &counts_.rewarded};
  ++*counters[static_cast<std::size_t>(joined)];
  return joined;
}

RealisedQuality LabelJoin::realised(std::int64_t version, Duration span) const {
  RealisedQuality all;
  all.quality = Quality(options_.task, options_.task == Task::regression ? 0 : options_.classes);
  const std::lock_guard lock(mutex_);
  const Version* of = find(version);
  if (!of) return all;
  const TimePoint now = clock_.now();
  for (const Slot& slot : of->slots) {
    if (slot.number < 0 || slot.number > number_of(now)) continue;
    if (slot.number != number_of(now) &&
        slot.number * options_.slot < (now - span).time_since_epoch())
      continue;
    all.predictions += slot.realised.predictions;
    all.quality.merge(slot.realised.quality);
    all.expected.merge(slot.realised.expected);
    all.delay_ms.merge(slot.realised.delay_ms);
    all.rewards += slot.realised.rewards;
    all.reward_sum += slot.realised.reward_sum;
  }
  return all;
}

CalibrationBet LabelJoin::calibration(std::int64_t version) const {
  const std::lock_guard lock(mutex_);
  const Version* of = find(version);
  return of ? of->bet : CalibrationBet();
}

std::vector<std::int64_t> LabelJoin::versions() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::int64_t> found;
  for (std::size_t i = 0; i < known_; ++i) found.push_back(versions_[i].version);
  return found;
}

JoinCounts LabelJoin::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

}  // namespace mlops
