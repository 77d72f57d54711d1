#include "model/model_folder.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "support/temporary_folder.h"

namespace mlops {
namespace {

using Versions = std::vector<std::int64_t>;

class ModelFolderTest : public ::testing::Test {
 protected:
  ModelFolder read(const std::string& name) const {
    return read_model_folder((root_.path() / name).string());
  }
  testing::TemporaryFolder root_;
};

TEST_F(ModelFolderTest, FindsVersionsAndTheNewest) {
  root_.file("b/1/model.onnx");
  root_.file("a/2/model.onnx");
  root_.file("a/10/model.onnx");
  const auto folders = read_repository(root_.path().string());
  ASSERT_TRUE(folders.ok());
  ASSERT_EQ(folders->size(), 2U);
  const ModelFolder& a = folders->front();
  EXPECT_EQ(a.name, "a");
  EXPECT_EQ(a.versions.size(), 2U);
  EXPECT_EQ(a.served_versions(), (Versions{10}));
  EXPECT_TRUE(a.model_path(10).ends_with("a/10/model.onnx"));
  EXPECT_EQ(a.config, nullptr);
}

TEST_F(ModelFolderTest, SkipsWhatIsNoVersionAndSaysSo) {
  for (const char* version : {"notes", "01", "0", "-3", "99999999999999999999"}) {
    root_.file("a/" + std::string(version) + "/model.onnx");
  }
  root_.file("a/7/other.onnx");
  root_.file(".hidden/1/model.onnx");
  root_.file("README.md");
  const auto folders = read_repository(root_.path().string());
  ASSERT_TRUE(folders.ok());
  ASSERT_EQ(folders->size(), 1U);
  EXPECT_EQ(folders->front().status.message(), "no <version>/model.onnx inside");
}

TEST_F(ModelFolderTest, ALinkThatLeadsNowhereIsAVersionThatCannotBeLoaded) {
  root_.file("a/1/model.onnx");
  std::filesystem::create_directory(root_.path() / "a/2");
  std::filesystem::create_symlink("nowhere", root_.path() / "a/2/model.onnx");
  EXPECT_EQ(read("a").served_versions(), (Versions{2}));
}

TEST_F(ModelFolderTest, FollowsItsConfiguration) {
  root_.file("a/config.pbtxt",
             "default_model_filename: 'net.onnx' version_policy { all {} } optimization {}");
  root_.file("a/1/net.onnx");
  root_.file("a/2/model.onnx");
  root_.file("a/3/net.onnx");
  const ModelFolder a = read("a");
  ASSERT_TRUE(a.status.ok()) << a.status.message();
  EXPECT_EQ(a.served_versions(), (Versions{1, 3}));
  EXPECT_EQ(a.unused.size(), 1U);
}

TEST_F(ModelFolderTest, SaysWhatIsWrongWithTheConfiguration) {
  root_.file("a/1/model.onnx");
  root_.file("a/config.pbtxt", "max_batchsize: 4");
  EXPECT_NE(read("a").status.message().find("config.pbtxt: line 1, column 16: unknown key"),
            std::string::npos);
  root_.file("a/config.pbtxt", "name: 'b'");
  EXPECT_NE(read("a").status.message().find("they must be equal"), std::string::npos);
}

TEST_F(ModelFolderTest, AGivenConfigurationTakesThePlaceOfTheFile) {
  root_.file("a/config.pbtxt", "broken");
  root_.file("a/1/model.onnx");
  EXPECT_FALSE(read("a").status.ok());
  const auto given = std::make_shared<ModelConfig>();
  EXPECT_TRUE(read_model_folder((root_.path() / "a").string(), given).status.ok());
}

TEST_F(ModelFolderTest, TheDigestFollowsWhatAVersionIsMadeOf) {
  root_.file("a/1/model.onnx", "x");
  root_.file("a/2/model.onnx", "x");
  const ModelFolder before = read("a");
  EXPECT_EQ(read("a").versions, before.versions);
  root_.file("a/2/model.onnx", "longer");
  const ModelFolder after = read("a");
  EXPECT_EQ(after.versions.at(1), before.versions.at(1));
  EXPECT_NE(after.versions.at(2), before.versions.at(2));
  root_.file("a/config.pbtxt", "max_batch_size: 0");
  EXPECT_NE(read("a").versions.at(1), after.versions.at(1));
}

TEST_F(ModelFolderTest, AMissingDirectoryIsNotFound) {
  EXPECT_EQ(read_repository((root_.path() / "nope").string()).status().code(), Code::not_found);
}

TEST(ModelName, KeepsInsideTheRepository) {
  for (const char* name : {"../etc", "a/../b", "..", ".", "/etc/passwd", "model/", " ..", ".. "}) {
    EXPECT_EQ(check_model_name(name).message(),
              "model name must not contain path traversal characters")
        << name;
  }
  for (const char* name : {"", " ", "\t", " \t \n "}) {
    EXPECT_TRUE(check_model_name(name).message().starts_with("Model name cannot be empty."));
  }
  for (const char* name : {"model123", "model.v1", "...", "..my_model", "model..1", "a b"}) {
    EXPECT_TRUE(check_model_name(name).ok()) << name;
  }
  EXPECT_FALSE(check_model_name("a\nb").ok());
}

}  // namespace
}  // namespace mlops
