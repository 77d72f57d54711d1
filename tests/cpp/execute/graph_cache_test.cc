#include "execute/graph_cache.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/temporary_folder.h"

namespace mlops::testing {
namespace {

namespace fs = std::filesystem;
using std::chrono::hours;

class GraphCacheTest : public ::testing::Test {
 protected:
  void SetUp() override { cache_ = open(1000); }

  std::unique_ptr<GraphCache> open(std::uint64_t bytes_max) {
    auto opened = GraphCache::open(folder_.path(), bytes_max);
    EXPECT_TRUE(opened.ok()) << opened.status().to_string();
    return *std::move(opened);
  }

  fs::path entry(const std::string& key) const { return folder_.path() / "graphs" / key; }

  Status save(const std::string& key, std::string_view graph, std::string_view weights) {
    std::optional<GraphCache::Draft> draft = cache_->begin(key, 0);
    EXPECT_TRUE(draft);
    write(draft->model_path(), graph);
    if (!weights.empty()) {
      write(fs::path(draft->model_path()).parent_path() / GraphCache::kWeightsName, weights);
    }
    return cache_->publish(key, *std::move(draft));
  }

  static void write(const fs::path& path, std::string_view text) {
    std::ofstream(path, std::ios::binary) << text;
  }

  // What find() says of `key` after this has been done to its entry.
  template <class Spoil>
  Code after(const std::string& key, Spoil spoil) {
    EXPECT_TRUE(save(key, "graph", "weights").ok());
    EXPECT_TRUE(cache_->find(key).ok());
    spoil(entry(key));
    const Code code = cache_->find(key).status().code();
    cache_->forget(key);
    return code;
  }

  TemporaryFolder folder_;
  std::unique_ptr<GraphCache> cache_;
};

TEST_F(GraphCacheTest, FindsWhatWasPublished) {
  EXPECT_EQ(cache_->find("a").status().code(), Code::not_found);
  ASSERT_TRUE(save("a", "graph", "weights").ok());
  ASSERT_TRUE(save("b", "without weights", "").ok());
  for (const char* key : {"a", "b"}) {
    const Result<std::string> found = open(1000)->find(key);
    ASSERT_TRUE(found.ok()) << found.status().to_string();
    EXPECT_EQ(*found, entry(key) / "model.onnx");
  }
  EXPECT_EQ(read_file(entry("a") / "weights.bin"), "weights");
}

TEST_F(GraphCacheTest, ADraftThatIsGivenUpLeavesNothing) {
  {
    std::optional<GraphCache::Draft> draft = cache_->begin("a", 0);
    write(draft->model_path(), "half a gra");
    EXPECT_EQ(cache_->find("a").status().code(), Code::not_found);
  }
  EXPECT_TRUE(fs::is_empty(folder_.path() / "graphs"));
}

TEST_F(GraphCacheTest, TheFirstToPublishStays) {
  ASSERT_TRUE(save("a", "first", "").ok());
  EXPECT_TRUE(save("a", "second", "").ok());
  EXPECT_EQ(read_file(*cache_->find("a")), "first");
}

TEST_F(GraphCacheTest, WhatChangedIsRefused) {
  const auto refused = Code::invalid_argument;
  const auto flip = [](const char* name) {
    return [name](const fs::path& entry) { write(entry / name, "xxxxx"); };
  };
  EXPECT_EQ(after("a", flip("model.onnx")), refused);
  EXPECT_EQ(after("b", flip("weights.bin")), refused);
  EXPECT_EQ(after("c", flip("digests")), refused);
  for (const char* name : {"model.onnx", "weights.bin", "digests"}) {
    EXPECT_EQ(after("d", [name](const auto& entry) { fs::remove(entry / name); }), refused);
    EXPECT_EQ(after("e", [name](const auto& entry) { fs::resize_file(entry / name, 2); }), refused);
  }
  ASSERT_TRUE(save("f", "without weights", "").ok());
  write(entry("f") / "weights.bin", "weights");
  EXPECT_EQ(cache_->find("f").status().code(), refused) << "they were not of it";
}

TEST_F(GraphCacheTest, AnEntryOfAnotherKeyIsRefused) {
  ASSERT_TRUE(save("a", "graph", "weights").ok());
  fs::rename(entry("a"), entry("b"));
  EXPECT_EQ(cache_->find("b").status().code(), Code::invalid_argument);
}

TEST_F(GraphCacheTest, WhatOthersCouldHaveWrittenIsRefused) {
  for (const char* name : {"model.onnx", "weights.bin", "digests", "."}) {
    EXPECT_EQ(after("a",
                    [name](const fs::path& entry) {
                      ASSERT_EQ(::chmod((entry / name).c_str(), 0777), 0);
                    }),
              Code::invalid_argument)
        << name;
  }
  const auto link = [](const fs::path& entry) {
    fs::rename(entry / "weights.bin", entry / "other");
    fs::create_symlink("other", entry / "weights.bin");
  };
  EXPECT_EQ(after("a", link), Code::invalid_argument);
  EXPECT_EQ(after("a",
                  [](const fs::path& entry) {
                    fs::rename(entry, entry.string() + "2");
                    fs::create_directory_symlink(entry.string() + "2", entry);
                  }),
            Code::invalid_argument);
  ASSERT_EQ(::chmod((folder_.path() / "graphs").c_str(), 0777), 0);
  EXPECT_EQ(GraphCache::open(folder_.path(), 1000).status().code(), Code::invalid_argument);
}

TEST_F(GraphCacheTest, MakesRoomByWhatWasUsedLongestAgo) {
  const std::string large(300, 'x');
  for (const char* key : {"a", "b", "c"}) {
    cache_ = open(100'000);
    ASSERT_TRUE(save(key, large, "").ok());
  }
  const auto used = [this](const char* key, int hours_ago) {
    fs::last_write_time(entry(key), fs::file_time_type::clock::now() - hours(hours_ago));
  };
  used("a", 3);
  used("b", 2);
  used("c", 1);
  ASSERT_TRUE(cache_->find("a").ok());  // used now
  cache_ = open(1500);                  // an entry is `large` and the digests
  ASSERT_TRUE(save("d", large, "").ok());
  EXPECT_TRUE(cache_->find("a").ok());
  EXPECT_FALSE(cache_->find("b").ok());
  EXPECT_TRUE(cache_->find("d").ok());
}

TEST_F(GraphCacheTest, WhatWouldNeverFitIsNotKept) {
  EXPECT_FALSE(cache_->begin("a", 1001));
  EXPECT_EQ(save("a", std::string(1000, 'x'), "").code(), Code::resource_exhausted);
  EXPECT_FALSE(cache_->find("a").ok());
  EXPECT_TRUE(fs::is_empty(folder_.path() / "graphs"));
}

TEST_F(GraphCacheTest, DraftsOfProcessesThatEndedAreRemoved) {
  fs::create_directory(entry(".draft-old"));
  fs::create_directory(entry(".draft-new"));
  fs::last_write_time(entry(".draft-old"), fs::file_time_type::clock::now() - hours(2));
  ASSERT_TRUE(save("a", "graph", "").ok());
  EXPECT_FALSE(fs::exists(entry(".draft-old")));
  EXPECT_TRUE(fs::exists(entry(".draft-new")));
}

TEST_F(GraphCacheTest, OneThatCannotBeWrittenIsStillRead) {
  if (::geteuid() == 0) GTEST_SKIP() << "root can write everywhere";
  ASSERT_TRUE(save("a", "graph", "weights").ok());
  ASSERT_EQ(::chmod((folder_.path() / "graphs").c_str(), 0500), 0);
  EXPECT_TRUE(open(1000)->find("a").ok());
  EXPECT_FALSE(cache_->begin("b", 0));
  ASSERT_EQ(::chmod((folder_.path() / "graphs").c_str(), 0700), 0);
}

}  // namespace
}  // namespace mlops::testing
