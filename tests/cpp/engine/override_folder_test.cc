#include "engine/override_folder.h"

#include <gtest/gtest.h>

#include "support/temporary_folder.h"

namespace mlops {
namespace {

namespace fs = std::filesystem;

TEST(OverrideFolder, HoldsTheFilesAndIsGoneAfterwards) {
  const testing::TemporaryFolder scratch;
  std::string path;
  {
    const auto made = OverrideFolder::create(scratch.path(), "m",
                                             {{"1/model.onnx", "abc"}, {"2/data/weights.bin", ""}});
    ASSERT_TRUE(made.ok()) << made.status().message();
    path = (*made)->model_path();
    EXPECT_TRUE(path.ends_with("/m"));
    EXPECT_EQ(testing::read_file(path + "/1/model.onnx"), "abc");
    EXPECT_TRUE(fs::exists(path + "/2/data/weights.bin"));
    EXPECT_EQ(fs::status(fs::path(path).parent_path()).permissions() & fs::perms::all,
              fs::perms::owner_all);
  }
  EXPECT_TRUE(fs::is_empty(scratch.path()));
}

TEST(OverrideFolder, RefusesNamesThatLeadOutsideAndLeavesNothing) {
  const testing::TemporaryFolder scratch;
  const std::string names[] = {"../x",  "1/../../x",  "/etc/passwd", "1/..",
                               "",      "model.onnx", "1/",          std::string("1/a\0b", 5),
                               "./1/x", "1/a\nb",     "1/\x7f"};
  for (const std::string& name : names) {
    const auto made = OverrideFolder::create(scratch.path(), "m", {{name, "x"}});
    EXPECT_FALSE(made.ok()) << name;
  }
  EXPECT_TRUE(fs::is_empty(scratch.path()));
}

TEST(OverrideFolder, ATooLongComponentIsAnErrorNotACrash) {
  const testing::TemporaryFolder scratch;
  const auto made =
      OverrideFolder::create(scratch.path(), "m", {{"1/" + std::string(300, 'a'), "x"}});
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.status().code(), Code::internal);
  EXPECT_TRUE(fs::is_empty(scratch.path()));
}

}  // namespace
}  // namespace mlops
