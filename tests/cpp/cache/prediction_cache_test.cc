#include "cache/prediction_cache.h"

#include <gtest/gtest.h>

#include <random>
#include <thread>
#include <unordered_map>

#include "support/cached_text.h"

namespace mlops {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::CachedText;
using testing::numbered_key;

constexpr std::size_t kBytes = 128 * 1024;
constexpr TimePoint kStart = CachedText::kStart;

TEST(PredictionCache, GivesBackWhatWasPut) {
  CachedText cache(kBytes);
  EXPECT_FALSE(cache.find(1));
  // Around the ends of words and of chunks.
  for (std::size_t size : {0, 1, 7, 8, 9, 79, 80, 81, 87, 88, 89, 207, 208, 209, 328, 1000, 9000}) {
    std::string text;
    for (std::size_t i = 0; i < size; ++i) text.push_back(static_cast<char>('a' + i % 26));
    ASSERT_TRUE(cache.put(size, text));
    EXPECT_EQ(cache.find(size), text);
  }
  ASSERT_TRUE(cache.put(1000, "newer"));
  EXPECT_EQ(cache.find(1000), "newer");
  cache.cache().forget(numbered_key(1000));
  EXPECT_FALSE(cache.find(1000));
}

TEST(PredictionCache, IsNotMadeTooSmall) {
  EXPECT_EQ(PredictionCache::create(1000).status().code(), Code::invalid_argument);
  EXPECT_TRUE(PredictionCache::create(PredictionCache::kBytesMin).ok());
}

TEST(PredictionCache, RefusesAValueThatWouldEmptyIt) {
  CachedText cache(kBytes);
  ASSERT_TRUE(cache.put(1, "kept"));
  EXPECT_FALSE(cache.put(2, std::string(kBytes / 2, 'x')));
  EXPECT_EQ(cache.cache().stats().too_large, 1U);
  EXPECT_EQ(cache.find(1), "kept");
}

TEST(PredictionCache, ForgetsWhatHasExpired) {
  CachedText cache(kBytes);
  for (std::uint64_t i = 0; i < 100; ++i) {
    ASSERT_TRUE(cache.put(i, "short", kStart, kStart + minutes(10)));
  }
  ASSERT_TRUE(cache.put(1000, "for ever"));
  int found = 0;
  for (std::uint64_t i = 0; i < 100; ++i) {
    EXPECT_TRUE(cache.find(i, kStart + minutes(9) - seconds(1)));
    EXPECT_FALSE(cache.find(i, kStart + minutes(10) + seconds(1)));
    found += cache.find(i, kStart + minutes(9) + seconds(30)) ? 1 : 0;
  }
  // They do not go together.
  EXPECT_GT(found, 20);
  EXPECT_LT(found, 80);
  EXPECT_TRUE(cache.find(1000, kStart + hours(10'000)));
}

TEST(PredictionCache, AsksForTheProofItWasGiven) {
  CachedText cache(kBytes);
  ASSERT_TRUE(cache.put(1, "answer", kStart, kNever, "the very request"));
  EXPECT_EQ(cache.find(1, kStart, "the very request"), "answer");
  EXPECT_FALSE(cache.find(1, kStart, "the very requesu"));
  EXPECT_FALSE(cache.find(1, kStart, "the very request "));
  EXPECT_FALSE(cache.find(1, kStart, "the"));
  EXPECT_EQ(cache.find(1), "answer");  // whoever does not ask is not told apart
  ASSERT_TRUE(cache.put(2, "answer"));
  EXPECT_FALSE(cache.find(2, kStart, "x"));
}

// Whatever comes: what is found was the last value put under that key, and the budget holds.
TEST(PredictionCache, IsABoundedMapUnderAnySequence) {
  for (const std::size_t bytes : {PredictionCache::kBytesMin, kBytes}) {
    CachedText cache(bytes);
    std::unordered_map<std::uint64_t, std::string> model;
    std::mt19937_64 random(bytes);
    for (int i = 0; i < 20'000; ++i) {
      const std::uint64_t key = random() % 800;
      switch (random() % 4) {
        case 0: {
          const std::string text(random() % (random() % 16 == 0 ? 6000 : 120),
                                 static_cast<char>('a' + random() % 26));
          if (cache.put(key, text)) model[key] = text;
          break;
        }
        case 1:
          if (random() % 8 == 0) {
            cache.cache().forget(numbered_key(key));
            ASSERT_FALSE(cache.find(key));
          }
          break;
        default:
          if (const auto found = cache.find(key)) {
            ASSERT_EQ(*found, model[key]);
          }
      }
      const CacheStats stats = cache.cache().stats();
      ASSERT_LE(stats.bytes_used, stats.bytes_max);
      ASSERT_LE(stats.footprint, bytes);
    }
    const CacheStats stats = cache.cache().stats();
    EXPECT_GT(stats.evictions, 100U);
    EXPECT_GT(stats.bytes_used, stats.bytes_max / 2);  // and it is used
  }
}

// Values say their key and how often it was put. Under any interleaving a reader finds a whole
// value of its own key, never an older one than it has found before.
TEST(PredictionCache, ReadersSeeWholeValuesInOrder) {
  constexpr std::uint64_t kKeys = 600;
  constexpr int kRounds = 4000;
  CachedText cache(PredictionCache::kBytesMin);
  const auto text_of = [](std::uint64_t key, std::uint64_t turn) {
    const std::string once = std::to_string(key) + ":" + std::to_string(turn) + ";";
    std::string text = once;
    while (text.size() < 40 + key % 300) text += once;
    return text;
  };
  std::atomic<bool> over{false};
  std::vector<std::jthread> threads;
  for (std::uint64_t writer = 0; writer < 2; ++writer) {
    threads.emplace_back([&, writer] {
      std::mt19937_64 random(writer);
      std::vector<std::uint64_t> turns(kKeys);
      for (int i = 0; i < kRounds; ++i) {
        const std::uint64_t key = random() % (kKeys / 2) * 2 + writer;  // its own
        cache.put(key, text_of(key, ++turns[key]));
        if (i % 64 == 0) cache.cache().forget(numbered_key(random() % kKeys));
      }
      over = true;
    });
  }
  std::atomic<std::uint64_t> found{0};
  for (std::uint64_t reader = 0; reader < 2; ++reader) {
    threads.emplace_back([&, reader] {
      std::mt19937_64 random(100 + reader);
      std::vector<std::uint64_t> newest(kKeys);
      while (!over) {
        const std::uint64_t key = random() % kKeys;
        const auto text = cache.find(key);
        if (!text) continue;
        const std::uint64_t turn = std::stoull(text->substr(text->find(':') + 1));
        ASSERT_EQ(*text, text_of(key, turn));
        ASSERT_GE(turn, newest[key]);
        newest[key] = turn;
        ++found;
      }
    });
  }
  threads.clear();
  EXPECT_GT(found, 0U);
}

}  // namespace
}  // namespace mlops
