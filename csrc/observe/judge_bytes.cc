#include "observe/judge_bytes.h"

#include <bit>
#include <cmath>

#include "observe/profile_bytes.h"
#include "observe/profile_cursor.h"
#include "observe/stable_hash.h"

namespace mlops {
namespace {

constexpr std::string_view kJudgeMagic = "MLOPSJDG";
constexpr std::uint32_t kJudgeVersion = 1;
constexpr std::size_t kCellsMax = 16;

void write_time(ProfileWriter& out, TimePoint at) {
  out.fixed(std::bit_cast<std::uint64_t>(
      std::int64_t{std::chrono::duration_cast<Duration>(at.time_since_epoch()).count()}));
}

TimePoint read_time(ProfileReader& in) {
  const auto ns = std::bit_cast<std::int64_t>(in.fixed<std::uint64_t>());
  constexpr std::int64_t kMost = std::int64_t{1} << 61;  // two of them can be subtracted
  if (ns > kMost || ns < -kMost) in.fail();
  return in.ok() ? TimePoint(Duration(ns)) : TimePoint();
}

double read_finite64(ProfileReader& in) {
  const double number = in.real64();
  if (!std::isfinite(number)) in.fail();
  return in.ok() ? number : 0;
}

double read_sum(ProfileReader& in) {  // of what is never negative
  const double number = read_finite64(in);
  if (number < 0) in.fail();
  return number;
}

bool read_judge_flag(ProfileReader& in) {
  const auto flag = in.fixed<std::uint8_t>();
  if (flag > 1) in.fail();
  return flag == 1;
}

template <class Kind>
Kind read_kind(ProfileReader& in, Kind last) {
  const auto kind = in.fixed<std::uint8_t>();
  if (kind > static_cast<std::uint8_t>(last)) in.fail();
  return in.ok() ? static_cast<Kind>(kind) : Kind{};
}

void write_judge_counts(ProfileWriter& out, const StreamCounts& counts) {
  for (const std::uint64_t mass : counts.masses) out.varint(mass);
  out.varint(counts.moments.n);
  out.real(counts.moments.sum);
  out.real(counts.moments.sum2);
  out.real(counts.moments.min);
  out.real(counts.moments.max);
}

void read_judge_counts(ProfileReader& in, StreamCounts& counts) {
  for (std::uint64_t& mass : counts.masses) mass = in.varint(kMassMax);
  counts.moments.n = in.varint(kMassMax);
  counts.moments.sum = read_finite64(in);
  counts.moments.sum2 = read_finite64(in);
  counts.moments.min = in.real32();
  counts.moments.max = in.real32();
}

void write_alert(ProfileWriter& out, const DriftAlert& alert) {
  out.fixed(static_cast<std::uint8_t>(alert.severity));
  out.fixed(static_cast<std::uint8_t>(alert.cause.kind));
  for (const double number :
       {alert.cause.factor, alert.cause.shift_sigma, alert.cause.spread_ratio, alert.psi_debiased,
        alert.js_distance, alert.ks, alert.evidence, alert.e_value}) {
    out.real(number);
  }
  for (const std::uint64_t number :
       {alert.change_row, alert.raised_row, alert.rows_since_change, alert.repeats}) {
    out.fixed(number);
  }
  write_time(out, alert.change_time);
  out.varint(alert.cells.size());
  for (const ChangedCell& cell : alert.cells) {
    out.varint(cell.cell);
    out.real(cell.before);
    out.real(cell.now);
  }
}

DriftAlert read_alert(ProfileReader& in, std::size_t stream, std::size_t masses) {
  DriftAlert alert;
  alert.stream = stream;
  alert.severity = read_kind(in, DriftSeverity::critical);
  alert.cause.kind = read_kind(in, DriftClass::shape);
  for (double* number :
       {&alert.cause.factor, &alert.cause.shift_sigma, &alert.cause.spread_ratio,
        &alert.psi_debiased, &alert.js_distance, &alert.ks, &alert.evidence, &alert.e_value}) {
    *number = read_finite64(in);
  }
  for (std::uint64_t* number :
       {&alert.change_row, &alert.raised_row, &alert.rows_since_change, &alert.repeats}) {
    *number = in.fixed<std::uint64_t>();
  }
  alert.change_time = read_time(in);
  const std::uint64_t cells = in.varint(kCellsMax);
  for (std::uint64_t i = 0; in.ok() && i < cells; ++i) {
    const auto cell = static_cast<std::uint32_t>(in.varint(masses - 1));
    const double before = read_sum(in);
    alert.cells.push_back({cell, before, read_sum(in)});
  }
  return alert;
}

}  // namespace

// Reads and writes what a judge and its detectors keep to themselves.
class JudgeCodec {
 public:
  static void write(ProfileWriter& out, const DriftJudge& judge) {
    out.real(judge.options_.margin);
    out.fixed(judge.rows_);
    out.fixed(static_cast<std::uint8_t>(judge.retraining_suggested_));
    out.fixed(static_cast<std::uint8_t>(judge.suggested_at_.has_value()));
    write_time(out, judge.suggested_at_.value_or(TimePoint()));
    for (const DriftJudge::Watched& watched : judge.watched_) {
      write_detector(out, watched.detector);
      out.fixed(watched.last_evidence_row);
      out.fixed(watched.change_row);
      write_time(out, watched.change_time);
      out.fixed(static_cast<std::uint8_t>(watched.alert.has_value()));
      if (watched.alert) write_alert(out, *watched.alert);
    }
  }

  // False when it is of another margin.
  static bool read(ProfileReader& in, DriftJudge& judge) {
    if (in.real64() != judge.options_.margin) return false;
    judge.rows_ = in.fixed<std::uint64_t>();
    judge.retraining_suggested_ = read_judge_flag(in);
    const bool suggested = read_judge_flag(in);
    const TimePoint at = read_time(in);
    if (suggested) judge.suggested_at_ = at;
    if (!suggested && at != TimePoint()) in.fail();
    for (std::size_t i = 0; in.ok() && i < judge.watched_.size(); ++i) {
      DriftJudge::Watched& watched = judge.watched_[i];
      read_detector(in, watched.detector);
      watched.last_evidence_row = in.fixed<std::uint64_t>();
      watched.change_row = in.fixed<std::uint64_t>();
      watched.change_time = read_time(in);
      if (watched.last_evidence_row > judge.rows_) in.fail();
      const std::size_t masses = watched.stream.before.counts.masses.size();
      if (read_judge_flag(in)) watched.alert = read_alert(in, i, masses);
      if (watched.alert && watched.alert->raised_row > judge.rows_) in.fail();
    }
    return true;
  }

 private:
  static void write_detector(ProfileWriter& out, const EDetector& detector) {
    out.varint(detector.stakes_.size());
    for (const EDetector::Stake& stake : detector.stakes_) {
      out.real(stake.sum);
      out.real(stake.process);
    }
    for (const EDetector::PlugIn& plug_in : detector.plug_ins_) {
      for (const double weight : plug_in.weight) out.real(weight);
      out.real(plug_in.total);
      out.real(plug_in.squares);
    }
    out.real(detector.parts_);
    out.fixed(detector.rows_);
    out.real(detector.change_score_);
    out.fixed(detector.change_row_);
    write_judge_counts(out, detector.since_change_);
  }

  static void read_detector(ProfileReader& in, EDetector& detector) {
    if (in.varint(1U << 20) != detector.stakes_.size()) in.fail();
    for (std::size_t k = 0; in.ok() && k < detector.stakes_.size(); ++k) {
      detector.stakes_[k].sum = read_sum(in);
      detector.stakes_[k].process = read_sum(in);
    }
    for (EDetector::PlugIn& plug_in : detector.plug_ins_) {
      for (double& weight : plug_in.weight) weight = read_sum(in);
      plug_in.total = read_sum(in);
      plug_in.squares = read_sum(in);
    }
    detector.parts_ = read_sum(in);
    if (detector.parts_ < 1) in.fail();
    detector.rows_ = in.fixed<std::uint64_t>();
    detector.change_score_ = read_sum(in);
    detector.change_row_ = in.fixed<std::uint64_t>();
    read_judge_counts(in, detector.since_change_);
    if (in.ok()) detector.evidence_ = detector.mean_of(&EDetector::Stake::sum);
  }
};

std::string judge_bytes(const Reference& reference, const JudgeState& state) {
  ProfileWriter out;
  out.raw(kJudgeMagic);
  out.fixed(kJudgeVersion);
  out.text(reference.id);
  out.fixed(state.last_event);
  JudgeCodec::write(out, state.judge);
  out.fixed(stable_hash(out.bytes()));
  return out.bytes();
}

Status read_judge(std::string_view bytes, const Reference& reference, JudgeState& state) {
  const Status damaged = Status::invalid_argument("the judge's state is damaged");
  if (bytes.size() < sizeof(std::uint64_t)) return damaged;
  const std::string_view body = bytes.substr(0, bytes.size() - sizeof(std::uint64_t));
  ProfileReader end(bytes.substr(body.size()));
  if (end.fixed<std::uint64_t>() != stable_hash(body)) return damaged;
  ProfileReader in(body);
  if (in.raw(kJudgeMagic.size()) != kJudgeMagic) return damaged;
  if (in.fixed<std::uint32_t>() != kJudgeVersion) {
    return Status::unimplemented("the judge's state is of another version");
  }
  if (in.text(kTextMax) != reference.id) {
    return Status::invalid_argument("the judge's state is of another reference");
  }
  state.last_event = in.fixed<std::uint64_t>();
  if (!JudgeCodec::read(in, state.judge)) {
    return Status::invalid_argument("the judge's state is of another margin");
  }
  return in.ok() && in.left() == 0 ? Status() : damaged;
}

}  // namespace mlops
