#pragma once
// What a detector bets on, one stream's: masses q that the stream would have if it had changed in a
// given way, against the reference's theta. A bet multiplies its stake by q/theta of each row, less
// an allowance that makes it unprofitable under every law near the reference. Derivation:
// docs/drift.md. Immutable; made once for a reference.

#include <cstdint>
#include <span>
#include <vector>

#include "observe/counts.h"

namespace mlops {

struct BetOptions {
  // Chi-distance from the reference within which a stream may lie without being called changed:
  // sqrt(sum (pi - theta)^2 / theta). A shift by 0.05 of a standard deviation is 0.05.
  double margin = 0;
  // How many streams are watched together; the reference is off by more than is allowed for in 1 %
  // of all references, whatever their number.
  std::size_t streams = 1;
};

class Bets {
 public:
  Bets(const StreamCounts& reference, const BetOptions& options);

  std::span<const double> theta() const { return theta_; }  // 0: such a row cannot be
  std::size_t fixed() const { return log_allowances_.size(); }

  // Where the reference is not to be trusted to the last row. A rare cell's theta is the most that
  // its true share may be; over the others, chi-distances from theta under which no bet gains.
  bool rare(std::size_t cell) const { return rare_[cell]; }
  // Too short a reference to say what is rare: no bet ever gains.
  bool blind() const { return blind_; }
  double fixed_radius() const { return fixed_radius_; }
  double any_radius() const { return any_radius_; }

  // ln of what each fixed bet's stake is multiplied by; `gains` has fixed() places. `rows` are the
  // tile's in cells that can be.
  void fixed_gains(std::span<const std::uint64_t> tile, double rows, std::span<double> gains) const;
  // The same of any masses q, chosen before the tile was seen.
  double log_gain(std::span<const double> q, std::span<const std::uint64_t> tile,
                  double rows) const;

 private:
  void set_theta(const StreamCounts& reference, double z_rare);
  void add_tilts(const StreamCounts& reference, std::vector<std::vector<double>>& log_ratios);
  void add_own_masses(const StreamCounts& reference, std::vector<std::vector<double>>& log_ratios);
  void add_fixed(std::vector<double> q, std::vector<std::vector<double>>& log_ratios);
  double log_allowance(std::span<const double> q, double radius) const;

  std::vector<double> theta_;
  std::vector<char> rare_;
  bool blind_ = false;
  double set_aside_ = 0;                // for rare cells, more than was counted in them
  std::vector<double> log_ratios_;      // ln(q / theta) of the fixed bets, cell by cell
  std::vector<double> log_allowances_;  // of a row
  // How far off the reference may be in the bet's one direction, and in all; margin included.
  double fixed_radius_ = 0;
  double any_radius_ = 0;
};

}  // namespace mlops
