// The inequality that all rests on: no bet gains on average under any law near the reference.
#include "observe/bets.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <random>

#include "support/table_law.h"

namespace mlops {
namespace {

using testing::TableLaw;

StreamCounts reference_of(std::size_t rows = 20'000) {
  std::mt19937_64 random(5);
  return TableLaw::normal(32).with_mass(OwnMass::missing, 2000).counts(rows, random);
}

// Mean of exp(log gain) of one row under the law `pi`.
template <class LogGain>
double mean_gain(std::span<const double> pi, LogGain log_gain) {
  double mean = 0;
  std::vector<std::uint64_t> row(pi.size(), 0);
  for (std::size_t i = 0; i < pi.size(); ++i) {
    if (pi[i] == 0) continue;
    row[i] = 1;
    mean += pi[i] * std::exp(log_gain(row));
    row[i] = 0;
  }
  return mean;
}

// The law on the way to `to` that is exactly `chi` from theta over the cells that are not rare;
// rare ones keep the share of their theta.
std::vector<double> law_at(const Bets& bets, std::span<const double> to, double chi,
                           double rare_share = 1) {
  const std::span<const double> theta = bets.theta();
  std::vector<double> law(theta.begin(), theta.end());
  double rare = 0;
  double aim = 0;
  double own = 0;
  for (std::size_t i = 0; i < law.size(); ++i) {
    if (bets.rare(i)) {
      rare += law[i] *= rare_share;
    } else {
      aim += to[i];
      own += theta[i];
    }
  }
  double low = 0;
  double high = 1;
  for (int step = 0; step < 60; ++step) {
    const double part = (low + high) / 2;
    double distance = 0;
    for (std::size_t i = 0; i < law.size(); ++i) {
      if (bets.rare(i) || theta[i] == 0) continue;
      law[i] = (1 - rare) * ((1 - part) * theta[i] / own + part * to[i] / aim);
      distance += (law[i] - theta[i]) * (law[i] - theta[i]) / theta[i];
    }
    (std::sqrt(distance) < chi ? low : high) = part;
  }
  return law;
}

std::vector<double> random_law(std::span<const double> theta, std::mt19937_64& random) {
  std::vector<double> law(theta.size(), 0);
  for (std::size_t i = 0; i < law.size(); ++i) {
    if (theta[i] > 0) law[i] = theta[i] * std::exponential_distribution(1.0)(random);
  }
  const double total = std::accumulate(law.begin(), law.end(), 0.0);
  for (double& share : law) share /= total;
  return law;
}

TEST(Bets, theta_adds_up_to_one_and_is_zero_where_nothing_can_be) {
  const Bets bets(reference_of(), {});
  EXPECT_NEAR(std::accumulate(bets.theta().begin(), bets.theta().end(), 0.0), 1, 1e-12);
  EXPECT_EQ(bets.theta()[32 + static_cast<std::size_t>(OwnMass::new_category)], 0);
  EXPECT_GT(bets.theta()[32 + static_cast<std::size_t>(OwnMass::above_range)], 0);
  EXPECT_EQ(bets.fixed(), 18U + 10);
}

TEST(Bets, none_gains_under_any_law_within_its_radius) {
  std::mt19937_64 random(6);
  for (const double margin : {0.0, 0.1}) {
    const Bets bets(reference_of(), {.margin = margin});
    const auto theta = bets.theta();
    for (int trial = 0; trial < 20; ++trial) {
      const double rare_share = std::uniform_real_distribution(0.0, 1.0)(random);
      const std::vector<double> near =
          law_at(bets, random_law(theta, random), bets.fixed_radius(), rare_share);
      for (std::size_t k = 0; k < bets.fixed(); ++k) {
        std::vector<double> gains(bets.fixed());
        const auto log_gain = [&](const auto& row) {
          bets.fixed_gains(row, 1, gains);
          return gains[k];
        };
        EXPECT_LE(mean_gain(near, log_gain), 1 + 1e-12) << k;
      }
      // The worst law for a bet on q lies straight towards q.
      const std::vector<double> q = random_law(theta, random);
      for (const auto& to : {q, random_law(theta, random)}) {
        const std::vector<double> law = law_at(bets, to, bets.any_radius(), rare_share);
        EXPECT_LE(mean_gain(law, [&](const auto& row) { return bets.log_gain(q, row, 1); }),
                  1 + 1e-12);
      }
    }
  }
}

TEST(Bets, the_bound_is_reached_and_passed_beyond_the_radius) {
  const Bets bets(reference_of(), {});
  std::mt19937_64 random(7);
  // No more in rare cells than theta, which is as much as there may be.
  const std::vector<double> q = law_at(bets, random_law(bets.theta(), random), 0.5);
  const auto gain = [&](double chi) {
    const std::vector<double> law = law_at(bets, q, chi);
    return mean_gain(law, [&](const auto& row) { return bets.log_gain(q, row, 1); });
  };
  EXPECT_NEAR(gain(bets.any_radius()), 1, 1e-6);
  EXPECT_GT(gain(2 * bets.any_radius()), 1);
}

TEST(Bets, a_longer_reference_is_trusted_more_and_more_streams_less) {
  const Bets few(reference_of(1'000), {});
  const Bets many(reference_of(100'000), {});
  EXPECT_GT(few.any_radius() / many.any_radius(), 10);
  EXPECT_LT(many.fixed_radius(), many.any_radius());
  EXPECT_GT(Bets(reference_of(), {.streams = 100}).fixed_radius(),
            Bets(reference_of(), {}).fixed_radius());
}

TEST(Bets, what_the_reference_lacks_may_be_as_frequent_as_it_could_have_missed) {
  const Bets bets(reference_of(20'000), {});
  const std::size_t above = 32 + static_cast<std::size_t>(OwnMass::above_range);
  EXPECT_TRUE(bets.rare(above));
  EXPECT_GT(bets.theta()[above], 5.0 / 20'000);  // e^-5 is less sure than promised
  EXPECT_LT(bets.theta()[above], 20.0 / 20'000);
  EXPECT_FALSE(bets.rare(32 + static_cast<std::size_t>(OwnMass::missing)));
}

TEST(Bets, categories_and_one_bin_have_no_order_to_bet_on) {
  EXPECT_EQ(Bets(StreamCounts(StreamKind::categorical, 5), {}).fixed(), 6U);
  EXPECT_EQ(Bets(StreamCounts(StreamKind::numeric, 1), {}).fixed(), 10U);
  EXPECT_EQ(Bets(StreamCounts(StreamKind::numeric, 0), {}).fixed(), 10U);
}

}  // namespace
}  // namespace mlops
