#include "model/repository_layout.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace mlops {
namespace {

namespace fs = std::filesystem;

class RepositoryLayout : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "mlops-repository-XXXXXX").string();
    root_ = mkdtemp(pattern.data());
  }
  void TearDown() override { fs::remove_all(root_); }
  void touch(const std::string& relative) {
    fs::create_directories((root_ / relative).parent_path());
    std::ofstream(root_ / relative) << "x";
  }
  fs::path root_;
};

TEST_F(RepositoryLayout, FindsVersionsAndTheNewest) {
  touch("b/1/model.onnx");
  touch("a/2/model.onnx");
  touch("a/10/model.onnx");
  touch("a/config.pbtxt");
  const auto listing = list_repository(root_.string());
  ASSERT_TRUE(listing.ok());
  ASSERT_EQ(listing->entries.size(), 3U);
  EXPECT_EQ(listing->entries[1].version, 10);
  const auto newest = newest_versions(listing->entries);
  ASSERT_EQ(newest.size(), 2U);
  EXPECT_EQ(newest[0].model, "a");
  EXPECT_EQ(newest[0].version, 10);
  EXPECT_TRUE(newest[0].model_path.ends_with("a/10/model.onnx"));
}

TEST_F(RepositoryLayout, SkipsWhatIsNoVersionAndSaysSo) {
  touch("a/notes/model.onnx");
  touch("a/01/model.onnx");
  touch("a/0/model.onnx");
  touch("a/-3/model.onnx");
  touch("a/99999999999999999999/model.onnx");
  touch(".hidden/1/model.onnx");
  touch("README.md");
  const auto listing = list_repository(root_.string());
  ASSERT_TRUE(listing.ok());
  EXPECT_TRUE(listing->entries.empty());
  ASSERT_EQ(listing->skipped.size(), 1U);
  EXPECT_TRUE(listing->skipped[0].starts_with("a: "));
}

TEST_F(RepositoryLayout, AMissingDirectoryIsNotFound) {
  EXPECT_EQ(list_repository((root_ / "nope").string()).status().code(), Code::not_found);
}

}  // namespace
}  // namespace mlops
