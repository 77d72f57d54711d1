// Simulated rows; every law is known exactly, every run the same. The long form, over 10^8 rows and
// more, is bench/micro/drift_detector.cc.
#include "observe/e_detector.h"

#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <random>

#include "observe/e_bh.h"
#include "support/table_law.h"

namespace mlops {
namespace {

using testing::TableLaw;

class Stream {
 public:
  Stream(std::size_t reference_rows, std::uint64_t seed, BetOptions options = {})
      : random_(seed),
        reference_(clean().counts(reference_rows, random_)),
        bets_(std::make_shared<const Bets>(reference_, options)) {}

  static const TableLaw& clean() {
    static const TableLaw law = TableLaw::normal(32);
    return law;
  }
  EDetector detector() const { return {bets_, reference_}; }
  StreamCounts tile(const TableLaw& law, std::size_t rows) { return law.counts(rows, random_); }
  std::mt19937_64& random() { return random_; }

  // Rows until evidence() reaches `target`; `most` if it does not.
  std::size_t rows_until(EDetector& detector, const TableLaw& law, double target,
                         std::size_t most) {
    for (std::size_t rows = 64; rows < most; rows += 64) {
      detector.see(tile(law, 64));
      if (detector.evidence() >= target) return rows;
    }
    return most;
  }

 private:
  std::mt19937_64 random_;
  StreamCounts reference_;
  std::shared_ptr<const Bets> bets_;
};

// Alarms in so many rows, beginning anew after each.
int alarms_in(Stream& stream, const TableLaw& law, std::size_t rows, double target,
              const std::function<std::size_t()>& tile_rows) {
  EDetector detector = stream.detector();
  int alarms = 0;
  while (detector.rows() < rows) {
    detector.see(stream.tile(law, tile_rows()));
    if (detector.evidence() < target) continue;
    ++alarms;
    detector.forget_evidence();
  }
  return alarms;
}

double allowed(double mean) { return mean + 3 * std::sqrt(mean); }

TEST(EDetector, false_alarms_are_at_most_one_in_A_rows) {
  constexpr double kTarget = 2'000;
  constexpr std::size_t kRows = 400'000;
  int alarms = 0;
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    Stream stream(20'000, seed);
    alarms += alarms_in(stream, Stream::clean(), kRows / 4, kTarget, [] { return 64; });
  }
  EXPECT_LE(alarms, allowed(kRows / kTarget));
  EXPECT_GT(alarms, 0);  // a detector that never alarms would pass the line above
}

TEST(EDetector, tiles_of_any_sizes_keep_the_promise) {
  Stream stream(20'000, 11);
  const auto size = [&] { return 1 + stream.random()() % 500; };
  EXPECT_LE(alarms_in(stream, Stream::clean(), 200'000, 2'000, size), allowed(100));
}

TEST(EDetector, a_stream_that_stays_within_the_margin_is_not_alarmed_about) {
  const TableLaw near = TableLaw::normal(32, 0.09);
  Stream patient(200'000, 12, {.margin = 0.1});
  EXPECT_LE(alarms_in(patient, near, 200'000, 2'000, [] { return 64; }), allowed(100));
  Stream strict(200'000, 12);
  EXPECT_GT(alarms_in(strict, near, 200'000, 2'000, [] { return 64; }), allowed(100));
}

TEST(EDetector, sees_what_it_is_for_within_the_references_delays) {
  struct Row {
    TableLaw law;
    std::size_t rows;
  };
  const std::array changes{
      Row{TableLaw::normal(32, 0.25), 900},
      Row{TableLaw::normal(32, 0.5), 300},
      Row{TableLaw::normal(32, -1), 128},
      Row{TableLaw::normal(32, 0, 1.2), 900},
      Row{TableLaw::normal(32).with_mass(OwnMass::missing, 8192), 300},
      Row{TableLaw::normal(32).with_mass(OwnMass::above_range, 1024), 1'000},
  };
  for (const Row& change : changes) {
    Stream stream(200'000, 13);
    EDetector detector = stream.detector();
    for (int i = 0; i < 312; ++i) detector.see(stream.tile(Stream::clean(), 64));
    EXPECT_LT(detector.evidence(), 1e6);
    const std::size_t rows = stream.rows_until(detector, change.law, 1e6, 50'000);
    EXPECT_LE(rows, change.rows) << &change - changes.data();
    EXPECT_NEAR(static_cast<double>(detector.change_row()), 20'000, 1'500);
    EXPECT_EQ(detector.since_change().rows(), detector.rows() - detector.change_row());
  }
}

TEST(EDetector, the_e_value_is_at_most_one_on_average_at_every_time) {
  constexpr int kRuns = 300;
  double mean = 0;
  for (int run = 0; run < kRuns; ++run) {
    Stream stream(20'000, 100 + static_cast<std::uint64_t>(run));
    EDetector detector = stream.detector();
    EXPECT_EQ(detector.e_value(), 1);
    // Stops when it looks best, which is what anytime-valid means.
    while (detector.rows() < 3'000 && detector.e_value() < 3) {
      detector.see(stream.tile(Stream::clean(), 64));
    }
    mean += detector.e_value() / kRuns;
  }
  EXPECT_LE(mean, 1.1);
}

TEST(EDetector, evidence_of_a_change_that_lasts_stays_a_number) {
  Stream stream(20'000, 14);
  EDetector detector = stream.detector();
  const TableLaw gone = TableLaw::normal(32).with_mass(OwnMass::missing, 65536);
  for (int i = 0; i < 200; ++i) detector.see(stream.tile(gone, 512));
  EXPECT_TRUE(std::isfinite(detector.evidence()));
  EXPECT_TRUE(std::isfinite(detector.e_value()));
  EXPECT_GT(detector.evidence(), 1e200);
  EXPECT_EQ(detector.change_row(), 0U);
  EXPECT_GT(detector.recent_effect(), 1);
}

TEST(EDetector, an_empty_tile_and_an_empty_reference_say_nothing) {
  Stream stream(20'000, 15);
  EDetector detector = stream.detector();
  detector.see(StreamCounts(StreamKind::numeric, 32));
  EXPECT_EQ(detector.evidence(), 0);
  EXPECT_EQ(detector.recent_effect(), 0);
  const StreamCounts nothing(StreamKind::numeric, 32);
  EDetector blind(std::make_shared<const Bets>(nothing, BetOptions{}), nothing);
  for (int i = 0; i < 20; ++i) blind.see(stream.tile(TableLaw::normal(32, 3), 64));
  EXPECT_EQ(blind.evidence(), 0);  // nothing is known of what is normal
  EXPECT_LE(blind.e_value(), 1);
}

TEST(EDetector, replicas_add_up) {
  Stream stream(200'000, 16);
  const TableLaw moved = TableLaw::normal(32, 0.3);
  std::vector<EDetector> replicas(4, stream.detector());
  for (EDetector& replica : replicas) {
    for (int i = 0; i < 5; ++i) replica.see(stream.tile(moved, 64));
  }
  EDetector all = replicas[0];
  double evidence = replicas[0].evidence();
  double e_values = replicas[0].e_value();
  for (std::size_t i = 1; i < replicas.size(); ++i) {
    all.merge(replicas[i]);
    evidence += replicas[i].evidence();
    e_values += replicas[i].e_value();
  }
  EXPECT_NEAR(all.evidence() / evidence, 1, 1e-12);
  EXPECT_EQ(all.rows(), 4U * 320);
  EXPECT_NEAR(all.e_value() / (e_values / 4), 1, 1e-9);
}

TEST(ListChanged, is_e_bh) {
  using Places = std::vector<std::size_t>;
  EXPECT_EQ(list_changed(std::vector<double>{}, 0.05), Places{});
  EXPECT_EQ(list_changed(std::vector<double>{19, 1, 1}, 0.05), Places{});
  EXPECT_EQ(list_changed(std::vector<double>{1, 61, 1}, 0.05), Places{1});
  EXPECT_EQ(list_changed(std::vector<double>{31, 1, 30}, 0.05), (Places{0, 2}));  // 2 x 30 = 3/0.05
  EXPECT_EQ(list_changed(std::vector<double>{20, 20, 20}, 0.05), (Places{0, 1, 2}));
}

}  // namespace
}  // namespace mlops
