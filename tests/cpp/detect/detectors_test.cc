// What every detector must do. That alarms are river's and frouros's, tests/python/drift shows.

#include <gtest/gtest.h>

#include <limits>
#include <random>

#include "detect/adwin.h"
#include "detect/ddm.h"
#include "detect/ecdd.h"
#include "detect/eddm.h"
#include "detect/hddm_a.h"
#include "detect/hddm_w.h"
#include "detect/kswin.h"
#include "detect/page_hinkley.h"
#include "detect/stepd.h"

namespace mlops {
namespace {

template <class D>
class DetectorTest : public testing::Test {};

using Detectors = testing::Types<Adwin, Ddm, Eddm, HddmA, HddmW, PageHinkley, Kswin, Ecdd, Stepd>;
TYPED_TEST_SUITE(DetectorTest, Detectors);

std::vector<double> errors(std::uint64_t seed, std::size_t before, std::size_t after) {
  std::mt19937_64 random(seed);
  std::bernoulli_distribution rarely(0.1), often(0.9);
  std::vector<double> values;
  for (std::size_t i = 0; i < before; ++i) values.push_back(rarely(random));
  for (std::size_t i = 0; i < after; ++i) values.push_back(often(random));
  return values;
}

TYPED_TEST(DetectorTest, SeesWhatAnyoneWouldSee) {
  auto detector = TypeParam::make({});
  ASSERT_TRUE(detector.ok());
  bool seen = false;
  const std::vector<double> values = errors(1, 2000, 300);
  for (std::size_t i = 0; i < values.size(); ++i)
    seen |= detector->update(values[i]) == Verdict::drift && i >= 2000;
  EXPECT_TRUE(seen);
}

TYPED_TEST(DetectorTest, ResetIsAsMade) {
  auto used = TypeParam::make({}), fresh = TypeParam::make({});
  for (const double value : errors(2, 700, 100)) used->update(value);
  used->reset();
  EXPECT_EQ(used->verdict(), Verdict::stable);
  for (const double value : errors(3, 500, 500))
    ASSERT_EQ(used->update(value), fresh->update(value));
}

TYPED_TEST(DetectorTest, AnAlarmForgetsTheStream) {
  auto detector = TypeParam::make({});
  const std::vector<double> values = errors(4, 3000, 3000);
  std::size_t alarm = 0;
  while (alarm < values.size() && detector->update(values[alarm]) != Verdict::drift) ++alarm;
  ASSERT_LT(alarm, values.size());
  auto fresh = TypeParam::make({});
  for (std::size_t i = alarm + 1; i < values.size(); ++i)
    ASSERT_EQ(detector->update(values[i]), fresh->update(values[i])) << i;
}

TYPED_TEST(DetectorTest, ACopyGoesItsOwnWay) {
  auto detector = TypeParam::make({});
  for (const double value : errors(5, 900, 0)) detector->update(value);
  TypeParam copy = *detector;
  for (const double value : errors(6, 0, 400)) copy.update(value);
  TypeParam other = *detector;
  for (const double value : errors(7, 500, 500))
    ASSERT_EQ(detector->update(value), other.update(value));
}

TYPED_TEST(DetectorTest, OneBadValueRefusesAllBeforeAnyIsSeen) {
  auto detector = TypeParam::make({});
  auto untouched = TypeParam::make({});
  std::vector<double> values = errors(8, 300, 300);
  std::vector<Verdict> verdicts(values.size());
  values[599] = std::numeric_limits<double>::quiet_NaN();
  const Status status = update_many(*detector, values, std::span(verdicts));
  EXPECT_EQ(status.code(), Code::invalid_argument);
  EXPECT_NE(status.message().find("index 599"), std::string::npos) << status.message();
  for (const double value : errors(9, 500, 500))
    ASSERT_EQ(detector->update(value), untouched->update(value));
}

TEST(DomainTest, Edges) {
  const double infinity = std::numeric_limits<double>::infinity();
  for (const Domain domain : {Domain::finite, Domain::unit, Domain::bit}) {
    EXPECT_FALSE(in_domain(domain, std::nan("")));
    EXPECT_FALSE(in_domain(domain, infinity));
    EXPECT_FALSE(in_domain(domain, -infinity));
    EXPECT_TRUE(in_domain(domain, 0));
    EXPECT_TRUE(in_domain(domain, -0.0));
    EXPECT_TRUE(in_domain(domain, 1));
  }
  EXPECT_TRUE(in_domain(Domain::finite, std::numeric_limits<double>::max()));
  EXPECT_FALSE(in_domain(Domain::unit, 1.0000001));
  EXPECT_FALSE(in_domain(Domain::bit, 0.5));
}

TEST(AdwinTest, ConstantStreamThenAnotherIsOneAlarm) {
  auto detector = Adwin::make({});
  int alarms = 0;
  for (int i = 0; i < 100'000; ++i) alarms += detector->update(0.1) == Verdict::drift;
  EXPECT_EQ(alarms, 0);
  EXPECT_EQ(detector->width(), 100'000);
  EXPECT_GE(detector->variance(), 0);
  for (int i = 0; i < 200; ++i) alarms += detector->update(0.2) == Verdict::drift;
  EXPECT_EQ(alarms, 1);
}

TEST(AdwinTest, ValuesOfGreatSizeDoNotStopIt) {
  auto detector = Adwin::make({});
  for (int i = 0; i < 1000; ++i) detector->update(i % 2 ? 1e300 : -1e300);
  detector->reset();
  int alarms = 0;
  for (const double value : errors(1, 2000, 300))
    alarms += detector->update(value) == Verdict::drift;
  EXPECT_EQ(alarms, 1);
}

}  // namespace
}  // namespace mlops
