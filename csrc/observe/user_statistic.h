#pragma once
// Statistics that users bring: functions of C, compiled by Numba or anything else, that see the
// rows as they are counted. docs/adr/0060.
//
// A function is given rows of the streams that it asked for, one after the other, and numbers of
// its own, which begin as 0. What it makes of them has to add up: numbers of lanes, windows and
// replicas are summed. It may run on several threads at once, each with numbers of its own; it must
// not throw, block, or keep what it was given. One that writes right behind its numbers says that
// it failed: what it made of those rows is undone, and it is not called again.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "observe/reference.h"

namespace mlops {

using StatisticFunction = void (*)(const float* values, std::int64_t rows, std::int64_t columns,
                                   double* state);

inline constexpr std::size_t kStatisticsMax = 64;        // of a version or a window
inline constexpr std::size_t kStatisticStateMax = 4096;  // numbers of one

struct UserStatistic {
  std::string name;
  StatisticFunction function = nullptr;
  std::vector<std::string> streams;  // by label; none: all, in the reference's order
  std::size_t size = 1;              // of its state
};

// Of one statistic; plain data.
struct StatisticSums {
  std::uint64_t rows = 0;
  std::vector<double> state;
  // It failed on some lane, which does not call it again; what is in `state` is of before.
  bool stopped = false;

  void add(const StatisticSums& other);
  void subtract(const StatisticSums& other);  // which was added before
};
using StatisticTable = std::vector<StatisticSums>;  // in the statistics' order

using StatisticsPtr = std::shared_ptr<const std::vector<UserStatistic>>;

StatisticTable empty_statistics(const std::vector<UserStatistic>& statistics);
// Back to nothing seen; what was stopped stays so.
void clear_statistics(StatisticTable& table);
void add_statistics(StatisticTable& to, const StatisticTable& from);
void subtract_statistics(StatisticTable& from, const StatisticTable& what);

// invalid_argument: one makes no sense, or reads a stream that the reference does not have.
Status check_statistics(const std::vector<UserStatistic>& statistics, const Reference& reference);

// Runs statistics over tiles. One owner at a time. Allocates when it is made, and never after.
class StatisticRunner {
 public:
  StatisticRunner() = default;
  // What a statistic reads and the reference does not have is missing in every row.
  StatisticRunner(StatisticsPtr statistics, const Reference& reference);

  bool any() const { return !plans_.empty(); }
  const StatisticsPtr& statistics() const { return statistics_; }
  // Rows as they are staged for a RowCounter of the same reference. Functions see copies.
  void add(const float* rows, std::size_t count, std::size_t stride);
  // Adds what was made of them to `to`, and forgets it.
  void take(StatisticTable& to);

 private:
  static constexpr std::size_t kFence = 8;  // numbers behind a state that nobody may write

  struct Plan {
    StatisticFunction function;
    std::vector<std::uint32_t> streams;  // kAbsent: no such stream
    std::size_t size;
    std::vector<double> state;  // and the fence
    std::vector<double> before;
    std::uint64_t rows = 0;
    bool stopped = false;
  };

  void gather(const Plan& plan, const float* rows, std::size_t count, std::size_t stride);
  void run(Plan& plan, std::size_t count);

  StatisticsPtr statistics_;
  std::vector<Plan> plans_;
  std::vector<float> rows_;  // of one plan's streams
};

}  // namespace mlops
