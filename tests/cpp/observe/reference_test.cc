#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "observe/drift_values.h"
#include "observe/profile_bytes.h"
#include "observe/stable_hash.h"

namespace mlops {
namespace {

using namespace drift_test;

const StreamName kX{StreamRole::input, "x", 0, "x"};

TEST(Reference, EdgesAreOrderStatistics) {
  std::vector<float> column(1000);
  for (std::size_t i = 0; i < column.size(); ++i) column[i] = static_cast<float>(999 - i);
  const StreamReference stream = numeric_reference(kX, column, {4, 1});
  // x_(250), x_(500), x_(750) of 0..999
  EXPECT_EQ(stream.numeric.edges, (std::vector<float>{249, 499, 749}));
  EXPECT_EQ(stream.counts.regular()[0], 249U);
  EXPECT_EQ(stream.counts.regular()[3], 251U);
  EXPECT_EQ(stream.numeric.median, 499);
  EXPECT_EQ(stream.numeric.quantiles[128], 501);  // x_(ceil(1000 * 257 / 512)) = x_(502)
}

TEST(Reference, AValueThatFillsABinHasItsOwn) {
  std::vector<float> column;
  for (int i = 0; i < 500; ++i) column.push_back(0);
  for (int i = 1; i <= 500; ++i) column.push_back(static_cast<float>(i));
  const StreamReference stream = numeric_reference(kX, column, {});
  EXPECT_EQ(stream.numeric.edges.front(), 1);
  EXPECT_EQ(stream.counts.regular()[0], 500U);
}

TEST(Reference, FlagsAndConstants) {
  const StreamReference flag = numeric_reference(kX, std::vector<float>{1, 0, 0, 1, 1}, {});
  EXPECT_EQ(flag.numeric.edges, std::vector<float>{1});
  EXPECT_EQ(flag.counts.regular()[0], 2U);
  EXPECT_EQ(flag.counts.regular()[1], 3U);
  const StreamReference constant = numeric_reference(kX, std::vector<float>(9, 7.0F), {});
  EXPECT_TRUE(constant.numeric.edges.empty());
  EXPECT_EQ(constant.counts.regular()[0], 9U);
  const StreamReference nothing = numeric_reference(kX, std::vector<float>(3, kNaN), {});
  EXPECT_EQ(nothing.counts.own(OwnMass::missing), 3U);
  EXPECT_EQ(nothing.counts.rows(), 3U);
}

TEST(Reference, NoBinIsEmptyAndTheCountsAreThoseOfItsRows) {
  std::mt19937_64 random(21);
  for (const std::size_t rows : {1U, 2U, 31U, 32U, 33U, 1000U}) {
    std::vector<StreamReference> streams;
    std::vector<float> values;
    std::vector<std::vector<float>> columns(7, std::vector<float>(rows));
    for (std::size_t i = 0; i < rows * 7; ++i) {
      values.push_back(columns[i % 7][i / 7] = wild_value(random, i % 7));
    }
    for (std::uint32_t c = 0; c < 7; ++c) {
      streams.push_back(numeric_reference({StreamRole::input, "x", c, "x"}, columns[c], {}));
    }
    const ReferencePtr reference = *seal_reference(streams);
    const CountsTable plainly = count_plainly(*reference, values);
    for (std::size_t c = 0; c < 7; ++c) {
      EXPECT_EQ(reference->streams[c].counts.masses, plainly[c].masses);
      EXPECT_LE(plainly[c].bins, kBinsDefault);
      if (plainly[c].moments.n > 0) {
        EXPECT_FALSE(std::ranges::count(plainly[c].regular(), std::uint64_t{0}));
      }
    }
  }
}

Profile any_profile(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<StreamReference> streams = numeric_reference_of(8, 500, random)->streams;
  streams.push_back(string_categories({StreamRole::input, "carrier", 0, "carrier"},
                                      std::vector<std::string_view>{"UA", "AA", "UA", {}}, {}));
  streams.push_back(number_categories({StreamRole::output, "class", 0, "class"},
                                      std::vector<double>{1, 1, 0, 2, kNaN}, {2, 2}));
  Profile profile{*seal_reference(std::move(streams)), {}};
  RowCounter counter(profile.reference);
  std::vector<float> rows;
  for (std::size_t i = 0; i < 10 * 600; ++i) {
    rows.push_back(i % 10 < 8 ? wild_value(random, i % 10) : static_cast<float>(i % 2));
  }
  profile.counts = count_rows(counter, rows, 600);
  return profile;
}

TEST(ProfileBytes, ReadBackAsWritten) {
  Profile profile = any_profile(22);
  for (int i = 0; i < 2; ++i) {
    const std::string bytes = profile_bytes(profile);
    const Result<Profile> again = read_profile(bytes);
    ASSERT_TRUE(again.ok()) << again.status().to_string();
    EXPECT_EQ(again->reference->streams, profile.reference->streams);
    EXPECT_EQ(again->reference->id, profile.reference->id);
    EXPECT_EQ(again->counts, profile.counts);
    profile.counts.clear();
  }
}

TEST(ProfileBytes, EveryDamagedByteAndEveryCutIsRefused) {
  const std::string bytes = profile_bytes(any_profile(23));
  for (std::size_t i = 0; i < bytes.size(); i += 7) {
    std::string damaged = bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    EXPECT_FALSE(read_profile(damaged).ok());
    EXPECT_FALSE(read_profile(bytes.substr(0, i)).ok());
  }
  EXPECT_FALSE(read_profile(bytes + "x").ok());
}

TEST(ProfileBytes, AnotherVersionIsSaidToBeOne) {
  std::string bytes = profile_bytes(any_profile(24));
  bytes[8] = 3;
  EXPECT_EQ(read_profile(bytes).status().code(), Code::unimplemented);
}

TEST(ProfileBytes, ANumericStreamsSizeIsAsStated) {
  std::mt19937_64 random(25);
  std::vector<float> column(100000);
  std::normal_distribution<float> normal;
  for (float& value : column) value = normal(random);
  const std::size_t one =
      profile_bytes({*seal_reference({numeric_reference(kX, column, {})}), {}}).size();
  EXPECT_GT(one, 1200U);
  EXPECT_LT(one, 1400U);
}

// Written by version 2, which has segments.
TEST(ProfileBytes, TheFileOfVersion2) {
  std::ifstream file(MLOPS_TEST_PROFILES "/version2.profile", std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  const Result<Profile> profile = read_profile(text.str());
  ASSERT_TRUE(profile.ok()) << profile.status().to_string();
  EXPECT_EQ(profile->reference->id, "3d3d90bb9af1b1df242b4eaf2d706340");
  ASSERT_EQ(profile->reference->segmentations.size(), 2U);
  const Segmentation& x = profile->reference->segmentations[0];
  EXPECT_EQ(x.edges, (std::vector<float>{2, 5}));
  EXPECT_EQ(x.counts[0][0].rows(), 12U);  // of 60 rows of 0 to 9
  EXPECT_EQ(x.counts[1][0].rows(), 18U);
  EXPECT_EQ(x.counts[2][0].rows(), 30U);
  EXPECT_EQ(profile->reference->segmentations[1].categories, 2U);
  EXPECT_EQ(profile_bytes(*profile), text.str());
}

// Written by version 1; every later version reads it, and means the same by it.
TEST(ProfileBytes, TheFileOfVersion1) {
  std::ifstream file(MLOPS_TEST_PROFILES "/version1.profile", std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  const Result<Profile> profile = read_profile(text.str());
  ASSERT_TRUE(profile.ok()) << profile.status().to_string();
  EXPECT_EQ(profile->reference->id, "c8536c3a9655f1fc709058339e2b93c9");
  ASSERT_EQ(profile->reference->streams.size(), 2U);
  const StreamReference& x = profile->reference->streams[0];
  EXPECT_EQ(x.name, (StreamName{StreamRole::input, "input", 0, "delay"}));
  EXPECT_EQ(x.numeric.edges, (std::vector<float>{2, 4, 6}));
  EXPECT_EQ(x.counts.masses, (std::vector<std::uint64_t>{1, 2, 2, 3, 1, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(profile->reference->streams[1].categories.strings,
            (std::vector<std::string>{"UA", "AA"}));
  EXPECT_EQ(profile->counts[0].masses,
            (std::vector<std::uint64_t>{0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0}));
  EXPECT_EQ(profile->counts[0].moments.max, 9);
  EXPECT_EQ(profile->counts[1].own(OwnMass::new_category), 1U);
}

}  // namespace
}  // namespace mlops
