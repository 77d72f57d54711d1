#include "labels/label_join.h"

#include <utility>

namespace mlops {

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
    slot.realised.delay_ms = {};
  }
  return slot;
}

void LabelJoin::predicted(std::string_view id, std::int64_t version, double score,
                          std::int32_t predicted) {
  const std::lock_guard lock(mutex_);
  const TimePoint now = clock_.now();
  Version* of = find(version);
  if (!versions_[0].slots[0].realised.quality.admits(score, predicted, 0) ||
      (!of && known_ == versions_.size())) {
    ++counts_.refused;
    return;
  }
  bool lost = false;
  if (!ring_.insert(id, {now, version, score, predicted}, lost)) {
    ++counts_.repeated;
    return;
  }
  counts_.lost_unlabelled += lost;
  ++counts_.stored;
  if (!of) {
    of = &versions_[known_++];
    of->version = version;
  }
  ++current(*of, number_of(now)).realised.predictions;
}

Joined LabelJoin::join(std::string_view id, double label) {
  PredictionRing::Entry* entry = ring_.find(id);
  if (!entry) return Joined::unknown;
  if (entry->labelled) return Joined::duplicated;
  const Prediction& made = entry->prediction;
  const TimePoint now = clock_.now();
  if (now - made.at > options_.keep) return Joined::late;
  Version& of = *find(made.version);
  Slot& slot = of.slots[static_cast<std::size_t>(number_of(made.at)) % of.slots.size()];
  if (slot.number != number_of(made.at)) return Joined::late;
  if (!slot.realised.quality.admits(made.score, made.predicted, label)) return Joined::inadmissible;
  entry->labelled = true;
  slot.realised.quality.add(made.score, made.predicted, label);
  const std::uint64_t delay = elapsed_ns(made.at, now) / 1'000'000;
  ++slot.realised.delay_ms.counts[Histogram::bucket_of(delay)];
  ++slot.realised.delay_ms.count;
  slot.realised.delay_ms.sum += delay;
  if (options_.task == Task::binary) {
    const double chance = made.predicted == 1 ? made.score : 1 - made.score;
    of.bet.add(chance, label == made.predicted);
  }
  return Joined::joined;
}

Joined LabelJoin::label(std::string_view id, double label) {
  const std::lock_guard lock(mutex_);
  const Joined joined = join(id, label);
  switch (joined) {
    case Joined::joined:
      ++counts_.joined;
      break;
    case Joined::duplicated:
      ++counts_.duplicated;
      break;
    case Joined::late:
      ++counts_.late;
      break;
    case Joined::unknown:
      ++counts_.unknown;
      break;
    case Joined::inadmissible:
      ++counts_.inadmissible;
      break;
  }
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
    all.delay_ms.merge(slot.realised.delay_ms);
  }
  return all;
}

CalibrationBet LabelJoin::calibration(std::int64_t version) const {
  const std::lock_guard lock(mutex_);
  const Version* of = find(version);
  return of ? of->bet : CalibrationBet();
}

JoinCounts LabelJoin::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

}  // namespace mlops
