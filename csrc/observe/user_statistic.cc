#include "observe/user_statistic.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "observe/fold_kernel.h"

namespace mlops {
namespace {

constexpr std::uint32_t kAbsent = std::numeric_limits<std::uint32_t>::max();
// A NaN of a payload that nobody computes.
constexpr std::uint64_t kFenceBits = 0x7ff8'f17e'0f0e'fe4cULL;

std::uint32_t stream_called(const std::string& label, const Reference& reference) {
  const auto found = std::ranges::find_if(
      reference.streams, [&](const StreamReference& s) { return s.name.label == label; });
  if (found == reference.streams.end()) return kAbsent;
  return static_cast<std::uint32_t>(found - reference.streams.begin());
}

std::vector<std::uint32_t> streams_of(const UserStatistic& statistic, const Reference& reference) {
  std::vector<std::uint32_t> streams;
  for (const std::string& label : statistic.streams) {
    streams.push_back(stream_called(label, reference));
  }
  if (!statistic.streams.empty()) return streams;
  for (std::uint32_t i = 0; i < reference.streams.size(); ++i) streams.push_back(i);
  return streams;
}

}  // namespace

void StatisticSums::add(const StatisticSums& other) {
  rows += other.rows;
  stopped |= other.stopped;
  for (std::size_t i = 0; i < state.size(); ++i) state[i] += other.state[i];
}

void StatisticSums::subtract(const StatisticSums& other) {
  rows -= other.rows;
  for (std::size_t i = 0; i < state.size(); ++i) state[i] -= other.state[i];
}

StatisticTable empty_statistics(const std::vector<UserStatistic>& statistics) {
  StatisticTable table;
  for (const UserStatistic& each : statistics) {
    table.push_back({0, std::vector<double>(each.size), false});
  }
  return table;
}

void clear_statistics(StatisticTable& table) {
  for (StatisticSums& sums : table) {
    sums.rows = 0;
    std::ranges::fill(sums.state, 0);
  }
}

void add_statistics(StatisticTable& to, const StatisticTable& from) {
  for (std::size_t i = 0; i < to.size() && i < from.size(); ++i) to[i].add(from[i]);
}

void subtract_statistics(StatisticTable& from, const StatisticTable& what) {
  for (std::size_t i = 0; i < from.size() && i < what.size(); ++i) from[i].subtract(what[i]);
}

Status check_statistics(const std::vector<UserStatistic>& statistics, const Reference& reference) {
  if (statistics.size() > kStatisticsMax) {
    return Status::invalid_argument("at most " + std::to_string(kStatisticsMax) + " statistics");
  }
  for (const UserStatistic& each : statistics) {
    const std::string named = "statistic '" + each.name.substr(0, 64) + "'";
    if (!each.function || each.name.empty()) {
      return Status::invalid_argument(named + " needs a name and a function");
    }
    const auto same = std::ranges::count(statistics, each.name, &UserStatistic::name);
    if (same > 1) return Status::invalid_argument(named + " is there twice");
    if (each.size == 0 || each.size > kStatisticStateMax) {
      return Status::invalid_argument(named + ": a state has 1 to " +
                                      std::to_string(kStatisticStateMax) + " numbers");
    }
    for (const std::string& label : each.streams) {
      if (stream_called(label, reference) != kAbsent) continue;
      return Status::invalid_argument(named + " reads '" + label.substr(0, 64) +
                                      "', which is no stream of the reference");
    }
  }
  return {};
}

StatisticRunner::StatisticRunner(StatisticsPtr statistics, const Reference& reference)
    : statistics_(std::move(statistics)) {
  if (!statistics_) return;
  std::size_t widest = 0;
  for (const UserStatistic& each : *statistics_) {
    Plan plan{each.function, streams_of(each, reference), each.size, {}, {}};
    plan.state.assign(each.size + kFence, 0);
    std::fill_n(plan.state.end() - kFence, kFence, std::bit_cast<double>(kFenceBits));
    plan.before.resize(each.size);
    widest = std::max(widest, plan.streams.size());
    plans_.push_back(std::move(plan));
  }
  rows_.resize(widest * kTileRows);
}

// Rows side by side, as the function was promised them; and whatever it does to them, nothing else
// reads them.
void StatisticRunner::gather(const Plan& plan, const float* rows, std::size_t count,
                             std::size_t stride) {
  float* to = rows_.data();
  for (std::size_t row = 0; row < count; ++row, rows += stride) {
    for (const std::uint32_t stream : plan.streams) {
      *to++ = stream == kAbsent ? std::numeric_limits<float>::quiet_NaN() : rows[stream];
    }
  }
}

void StatisticRunner::run(Plan& plan, std::size_t count) {
  std::copy_n(plan.state.begin(), plan.size, plan.before.begin());
  plan.function(rows_.data(), static_cast<std::int64_t>(count),
                static_cast<std::int64_t>(plan.streams.size()), plan.state.data());
  const bool whole = std::all_of(plan.state.end() - kFence, plan.state.end(), [](double number) {
    return std::bit_cast<std::uint64_t>(number) == kFenceBits;
  });
  if (whole) {
    plan.rows += count;
    return;
  }
  plan.stopped = true;
  std::ranges::copy(plan.before, plan.state.begin());
}

void StatisticRunner::add(const float* rows, std::size_t count, std::size_t stride) {
  for (Plan& plan : plans_) {
    for (std::size_t first = 0; first < count && !plan.stopped; first += kTileRows) {
      const std::size_t now = std::min(count - first, kTileRows);
      gather(plan, rows + first * stride, now, stride);
      run(plan, now);
    }
  }
}

void StatisticRunner::take(StatisticTable& to) {
  for (std::size_t i = 0; i < plans_.size() && i < to.size(); ++i) {
    Plan& plan = plans_[i];
    to[i].rows += plan.rows;
    to[i].stopped |= plan.stopped;
    for (std::size_t j = 0; j < plan.size; ++j) to[i].state[j] += plan.state[j];
    plan.rows = 0;
    std::fill_n(plan.state.begin(), plan.size, 0.0);
  }
}

}  // namespace mlops
