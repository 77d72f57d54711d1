#pragma once
// Whether a stream has left the reference's law, looked at after every tile of rows and as often as
// one likes. While it has not, evidence() reaches A on average not before A rows, and at most N / A
// times in any N rows, whatever the law within the bets' allowance and whoever looks when.
// Derivation and limits: docs/drift.md. Plain data; one writer.

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "observe/bets.h"
#include "observe/counts.h"

namespace mlops {

class EDetector {
 public:
  // The reference's shape is that of all tiles.
  EDetector(std::shared_ptr<const Bets> bets, const StreamCounts& reference);

  // Rows that came after all that were seen. Where a tile ends must not depend on what is in it:
  // by number of rows or by the clock. Fewer than 4,096 rows at a time, or news come late.
  void see(const StreamCounts& tile);

  std::uint64_t rows() const { return rows_; }

  // Shiryaev-Roberts: the bets' mean of sums over all rows where a change may have begun.
  double evidence() const { return evidence_; }
  // What it counts from now on begins with nothing, as after an alarm.
  void forget_evidence();

  // For which streams of many: an e-value at every time at once, since construction. Mean at most 1
  // under the reference's law. Spends its stake over all times of change, more on early ones.
  double e_value() const;

  // Since when the stream has been as it is now, to a tile: where the mixture of bets last lost all
  // that it had won. What was counted since.
  std::uint64_t change_row() const { return change_row_; }
  const StreamCounts& since_change() const { return since_change_; }

  // Debiased PSI of about the last 1,500 rows: whether it is back.
  double recent_effect() const;

  // Two detectors of the same reference that saw different rows (replicas): as one that alarms no
  // sooner than A rows of both together. Where the change began is the stronger one's.
  void merge(const EDetector& other);

  friend class JudgeCodec;  // judge_bytes.cc

 private:
  static constexpr std::size_t kPlugIns = 3;
  // Counts of the last rows, the older the lighter; the masses it makes are what it bets on next.
  struct PlugIn {
    std::vector<double> weight;
    double total = 0;
    double squares = 0;  // of the rows' weights
  };
  struct Stake {
    double sum = 0;      // Shiryaev-Roberts
    double process = 0;  // the e-process's share that has been spent
  };

  void learn(const StreamCounts& tile, double rows);
  void follow_change(const StreamCounts& tile, double log_gain);
  double rows_of(const StreamCounts& tile) const;
  double mean_of(double Stake::*what) const;

  std::shared_ptr<const Bets> bets_;
  std::array<PlugIn, kPlugIns> plug_ins_;
  std::vector<Stake> stakes_;  // of the fixed bets, then of the plug-ins
  std::vector<double> gains_;  // of the stakes by the last tile, in logarithms
  std::vector<double> masses_;
  double evidence_ = 0;
  double parts_ = 1;  // detectors that were merged into this one
  std::uint64_t rows_ = 0;
  double change_score_ = 0;
  std::uint64_t change_row_ = 0;
  StreamCounts since_change_;
};

}  // namespace mlops
