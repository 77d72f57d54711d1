#include "engine/override_folder.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>

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

// As kill -9 does it: the folder stays, its lock does not.
std::string leave_behind(const std::string& scratch) {
  std::array<int, 2> ends{};
  EXPECT_EQ(::pipe(ends.data()), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const auto made = OverrideFolder::create(scratch, "m", {{"1/model.onnx", "abc"}});
    const std::string path = made.ok() ? (*made)->model_path() : "";
    (void)!::write(ends[1], path.data(), path.size());
    ::kill(::getpid(), SIGKILL);
  }
  EXPECT_EQ(::waitpid(child, nullptr, 0), child);
  ::close(ends[1]);
  std::string path(1024, '\0');
  const ssize_t size = ::read(ends[0], path.data(), path.size());
  ::close(ends[0]);
  path.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  return path;
}

TEST(OverrideFolder, WhatAKilledProcessLeftIsRemovedAndNothingElse) {
  const testing::TemporaryFolder scratch;
  const auto living = OverrideFolder::create(scratch.path(), "m", {{"1/model.onnx", "abc"}});
  ASSERT_TRUE(living.ok());
  const std::string left = leave_behind(scratch.path());
  ASSERT_TRUE(fs::exists(left + "/1/model.onnx"));
  fs::create_directories(scratch.path() / "somebody-else");
  scratch.file("kept/file");
  fs::create_directory_symlink(scratch.path() / "kept", scratch.path() / "mlops-override-linked");
  scratch.file("mlops-override-file");
  EXPECT_EQ(OverrideFolder::remove_left_behind(scratch.path()), 1U);
  EXPECT_FALSE(fs::exists(fs::path(left).parent_path()));
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
