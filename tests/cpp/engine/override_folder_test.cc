#include "engine/override_folder.h"

#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

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

constexpr char kScratch[] = "MLOPS_TEST_SCRATCH";

// Not for itself: what leave_behind() starts.
TEST(OverrideFolder, DISABLED_IsKilledOverAFolder) {
  const char* const scratch = std::getenv(kScratch);
  ASSERT_NE(scratch, nullptr);
  const auto made = OverrideFolder::create(scratch, "m", {{"1/model.onnx", "abc"}});
  ASSERT_TRUE(made.ok());
  ::kill(::getpid(), SIGKILL);
}

// As kill -9 does it: the folder stays, its lock does not. By a process of its own: the child of a
// fork would inherit the locks that other threads of this one hold, and nobody who opens them.
void leave_behind(const std::string& scratch) {
  std::string program = "/proc/self/exe";
  std::string filter = "--gtest_filter=OverrideFolder.DISABLED_IsKilledOverAFolder";
  std::string also = "--gtest_also_run_disabled_tests";
  std::string variable = std::string(kScratch) + "=" + scratch;
  char* const arguments[] = {program.data(), filter.data(), also.data(), nullptr};
  std::vector<char*> environment = {variable.data()};
  for (char** each = environ; *each != nullptr; ++each) environment.push_back(*each);
  environment.push_back(nullptr);
  pid_t child = -1;
  ASSERT_EQ(::posix_spawn(&child, program.c_str(), nullptr, nullptr, arguments, environment.data()),
            0);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
}

TEST(OverrideFolder, WhatAKilledProcessLeftIsRemovedAndNothingElse) {
  const testing::TemporaryFolder scratch;
  const auto living = OverrideFolder::create(scratch.path(), "m", {{"1/model.onnx", "abc"}});
  ASSERT_TRUE(living.ok());
  const fs::path kept = fs::path((*living)->model_path()).parent_path();
  leave_behind(scratch.path());
  fs::path left;
  for (const auto& entry : fs::directory_iterator(scratch.path())) {
    if (entry.path() != kept) left = entry.path();
  }
  ASSERT_TRUE(fs::exists(left / "m/1/model.onnx"));
  fs::create_directories(scratch.path() / "somebody-else");
  scratch.file("kept/file");
  fs::create_directory_symlink(scratch.path() / "kept", scratch.path() / "mlops-override-linked");
  scratch.file("mlops-override-file");
  EXPECT_EQ(OverrideFolder::remove_left_behind(scratch.path()), 1U);
  EXPECT_FALSE(fs::exists(left));
  EXPECT_TRUE(fs::exists((*living)->model_path() + "/1/model.onnx"));
  for (const char* name :
       {"somebody-else", "kept/file", "mlops-override-linked", "mlops-override-file"}) {
    EXPECT_TRUE(fs::exists(scratch.path() / name)) << name;
  }
  EXPECT_EQ(OverrideFolder::remove_left_behind(scratch.path()), 0U);
  EXPECT_EQ(OverrideFolder::remove_left_behind("/no/such/folder"), 0U);
}

}  // namespace
}  // namespace mlops
