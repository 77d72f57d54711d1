// The mirror against a store that is a map of objects.

#include "store/s3_mirror.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <mutex>
#include <sstream>

#include "support/http_server_double.h"
#include "support/temporary_folder.h"

namespace mlops {
namespace {

namespace fs = std::filesystem;
using testing::http_reply;

// Lists two objects a page.
class StoreDouble {
 public:
  void put(const std::string& key, const std::string& body) {
    const std::lock_guard lock(mutex_);
    objects_[key] = body;
  }
  void remove(const std::string& key) {
    const std::lock_guard lock(mutex_);
    objects_.erase(key);
  }
  void forbid(const std::string& key) {
    const std::lock_guard lock(mutex_);
    forbidden_ = key;
  }
  int fetched() const {
    const std::lock_guard lock(mutex_);
    return fetched_;
  }
  std::string location() const {
    return "s3://127.0.0.1:" + std::to_string(server_.port()) + "/bucket/repo";
  }

 private:
  static std::string etag(const std::string& body) { return "\"" + sha256_hex(body) + "\""; }

  std::string answer(const std::string& request) {
    const std::lock_guard lock(mutex_);
    const std::string target = request.substr(4, request.find(' ', 4) - 4);
    if (target.starts_with("/bucket/?")) return list(target);
    const std::string key = target.substr(std::string("/bucket/repo/").size());
    const auto found = objects_.find(key);
    if (found == objects_.end() || key == forbidden_) {
      return http_reply("403 Forbidden", "<Error><Code>AccessDenied</Code></Error>");
    }
    ++fetched_;
    return http_reply("200 OK", found->second, "ETag: " + etag(found->second) + "\r\n");
  }

  std::string list(const std::string& target) const {
    const std::size_t at = target.find("continuation-token=");
    std::size_t skip = at == target.npos ? 0 : std::stoul(target.substr(at + 19));
    const std::string prefix = target.substr(target.find("prefix=repo%2F") + 14);
    std::string xml = "<ListBucketResult>";
    std::size_t seen = 0;
    bool more = false;
    for (const auto& [key, body] : objects_) {
      if (prefix.ends_with("%2F") && !key.starts_with(prefix.substr(0, prefix.size() - 3)))
        continue;
      if (seen++ < skip) continue;
      more = seen > skip + 2;
      if (more) break;
      xml += "<Contents><Key>repo/" + key + "</Key><ETag>" + etag(body) + "</ETag><Size>" +
             std::to_string(body.size()) + "</Size></Contents>";
    }
    if (more) {
      xml += "<IsTruncated>true</IsTruncated><NextContinuationToken>" + std::to_string(skip + 2) +
             "</NextContinuationToken>";
    }
    return http_reply("200 OK", xml + "</ListBucketResult>");
  }

  mutable std::mutex mutex_;
  std::map<std::string, std::string> objects_;
  std::string forbidden_;
  int fetched_ = 0;
  testing::HttpServerDouble server_{[this](const std::string& request) { return answer(request); }};
};

class MirrorTest : public ::testing::Test {
 protected:
  void SetUp() override { open(); }
  void open() {
    mirror.reset();
    Result<std::unique_ptr<S3Mirror>> opened = S3Mirror::open(
        folder.path().string(), *parse_s3_location(store.location(), "", "r"), {}, log);
    ASSERT_TRUE(opened.ok()) << opened.status().message();
    mirror = std::move(*opened);
  }
  std::string text(const std::string& path) const {
    std::ostringstream all;
    all << std::ifstream(mirror->repository() + "/" + path).rdbuf();
    return all.str();
  }
  bool has(const std::string& path) const { return fs::exists(mirror->repository() + "/" + path); }

  StoreDouble store;
  testing::TemporaryFolder folder;
  NullLog log;
  std::unique_ptr<S3Mirror> mirror;
};

TEST_F(MirrorTest, BringsModelsWhole) {
  store.put("a/config.pbtxt", "c");
  store.put("a/1/model.onnx", "one");
  store.put("b/2/model.onnx", "two");
  store.put("readme", "not a model");
  ASSERT_TRUE(mirror->refresh("").ok());
  EXPECT_EQ(text("a/config.pbtxt"), "c");
  EXPECT_EQ(text("a/1/model.onnx"), "one");
  EXPECT_EQ(text("b/2/model.onnx"), "two");
  EXPECT_FALSE(has("readme"));
  EXPECT_EQ(store.fetched(), 3);
  ASSERT_TRUE(mirror->refresh("").ok());
  EXPECT_EQ(store.fetched(), 3);
}

TEST_F(MirrorTest, WhatIsUnchangedIsNeitherFetchedNorNew) {
  store.put("a/1/model.onnx", "one");
  ASSERT_TRUE(mirror->refresh("").ok());
  const auto time = fs::last_write_time(mirror->repository() + "/a/1/model.onnx");
  store.put("a/2/model.onnx", "two");
  ASSERT_TRUE(mirror->refresh("").ok());
  EXPECT_EQ(store.fetched(), 2);
  EXPECT_EQ(fs::last_write_time(mirror->repository() + "/a/1/model.onnx"), time);
  EXPECT_EQ(text("a/2/model.onnx"), "two");
  store.remove("a/1/model.onnx");
  ASSERT_TRUE(mirror->refresh("").ok());
  EXPECT_FALSE(has("a/1/model.onnx"));
  EXPECT_EQ(store.fetched(), 2);
}

TEST_F(MirrorTest, AModelThatCannotBeFetchedStaysAsItWas) {
  store.put("a/1/model.onnx", "one");
  store.put("b/1/model.onnx", "one");
  ASSERT_TRUE(mirror->refresh("").ok());
  store.put("a/1/model.onnx", "new one");
  store.put("a/1/weights", "w");
  store.put("b/1/model.onnx", "new b");
  store.forbid("a/1/weights");
  const Status status = mirror->refresh("");
  EXPECT_NE(status.message().find("AccessDenied"), std::string::npos) << status.message();
  EXPECT_EQ(text("a/1/model.onnx"), "one");
  EXPECT_EQ(text("b/1/model.onnx"), "new b");
  store.forbid("");
  ASSERT_TRUE(mirror->refresh("").ok());
  EXPECT_EQ(text("a/1/weights"), "w");
}

TEST_F(MirrorTest, OneModelAloneIsBroughtOrTakenAway) {
  store.put("a/1/model.onnx", "one");
  store.put("b/1/model.onnx", "one");
  ASSERT_TRUE(mirror->refresh("a").ok());
  EXPECT_TRUE(has("a/1/model.onnx"));
  EXPECT_FALSE(has("b"));
  ASSERT_TRUE(mirror->refresh("").ok());
  store.remove("b/1/model.onnx");
  store.remove("a/1/model.onnx");
  ASSERT_TRUE(mirror->refresh("b").ok());
  EXPECT_FALSE(has("b"));
  EXPECT_TRUE(has("a"));
  EXPECT_FALSE(mirror->refresh("../x").ok());
}

TEST_F(MirrorTest, KeysThatLeaveTheFolderAreLeftOut) {
  for (const char* key : {"a/../../x", "../x/y", "a//x", ".hidden/1/model.onnx", "a/./x"}) {
    store.put(key, "evil");
  }
  store.put("a/1/model.onnx", "one");
  ASSERT_TRUE(mirror->refresh("").ok());
  EXPECT_EQ(store.fetched(), 1);
  EXPECT_EQ(text("a/1/model.onnx"), "one");
}

TEST_F(MirrorTest, AnotherProcessFindsWhatWasBroughtAndTwoAtOnceAreRefused) {
  store.put("a/1/model.onnx", "one");
  ASSERT_TRUE(mirror->refresh("").ok());
  EXPECT_FALSE(
      S3Mirror::open(folder.path().string(), *parse_s3_location(store.location(), "", "r"), {}, log)
          .ok());
  fs::create_directories(folder.path() / "trees" / "a@half.part");
  open();
  EXPECT_EQ(text("a/1/model.onnx"), "one");
  EXPECT_FALSE(fs::exists(folder.path() / "trees" / "a@half.part"));
  ASSERT_TRUE(mirror->refresh("").ok());
  EXPECT_EQ(store.fetched(), 1);
}

}  // namespace
}  // namespace mlops
