#include "base/private_folder.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/temporary_folder.h"

namespace mlops::testing {
namespace {

namespace fs = std::filesystem;

void allow(const fs::path& path, mode_t mode) { ASSERT_EQ(::chmod(path.c_str(), mode), 0); }

TEST(PrivateFolder, IsMadeForThisUserAlone) {
  const TemporaryFolder folder;
  const fs::path made = folder.path() / "a" / "b";
  ASSERT_TRUE(make_private_folder(made).ok());
  struct stat info {};
  ASSERT_EQ(::stat(made.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0700U);
  EXPECT_TRUE(make_private_folder(made).ok()) << "it may be there";
}

TEST(PrivateFolder, IsRefusedWhenOthersCouldWriteThere) {
  const TemporaryFolder folder;
  const fs::path inner = folder.path() / "inner";
  ASSERT_TRUE(make_private_folder(inner).ok());
  for (const mode_t mode : {0770U, 0702U, 01777U}) {
    allow(inner, mode);
    const Status status = check_private_folder(inner);
    EXPECT_EQ(status.code(), Code::invalid_argument) << std::oct << mode;
    EXPECT_NE(status.message().find("inner' can be written by other users"), std::string::npos);
    EXPECT_EQ(make_private_folder(inner).code(), Code::invalid_argument);
  }
}

// Whoever can write to a folder can put another in the place of one in it, unless it is sticky.
TEST(PrivateFolder, IsRefusedWhenOthersCouldReplaceIt) {
  const TemporaryFolder folder;
  const fs::path inner = folder.path() / "inner";
  ASSERT_TRUE(make_private_folder(inner).ok());
  allow(folder.path(), 0777);
  EXPECT_EQ(check_private_folder(inner).code(), Code::invalid_argument);
  allow(folder.path(), 01777);
  EXPECT_TRUE(check_private_folder(inner).ok());
  // A link to it from a place of ours changes nothing.
  allow(folder.path(), 0777);
  const TemporaryFolder ours;
  fs::create_symlink(inner, ours.path() / "link");
  EXPECT_EQ(check_private_folder(ours.path() / "link").code(), Code::invalid_argument);
}

TEST(PrivateFolder, OfAnotherUserIsRefused) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give a folder away";
  const TemporaryFolder folder;
  const fs::path inner = folder.path() / "inner";
  ASSERT_TRUE(make_private_folder(inner).ok());
  ASSERT_EQ(::chown(inner.c_str(), 12345, 12345), 0);
  EXPECT_EQ(check_private_folder(inner).code(), Code::invalid_argument);
}

TEST(PrivateFolder, ThatIsNoneIsRefused) {
  const TemporaryFolder folder;
  EXPECT_EQ(check_private_folder(folder.path() / "none").code(), Code::not_found);
  EXPECT_EQ(make_private_folder(folder.file("file")).code(), Code::invalid_argument);
  EXPECT_EQ(make_private_folder(folder.file("file") + "/below").code(), Code::invalid_argument);
}

TEST(PrivateFile, IsOpenedUnlessOthersCouldWriteIt) {
  const TemporaryFolder folder;
  const std::string file = folder.file("file", "text");
  allow(file, 0644);
  const Result<int> opened = open_private_file(file);
  ASSERT_TRUE(opened.ok()) << opened.status().to_string();
  ::close(*opened);
  for (const mode_t mode : {0664U, 0646U}) {
    allow(file, mode);
    EXPECT_EQ(open_private_file(file).status().code(), Code::invalid_argument);
  }
}

TEST(PrivateFile, IsNoLinkPipeOrFolder) {
  const TemporaryFolder folder;
  fs::create_symlink(folder.file("file"), folder.path() / "link");
  ASSERT_EQ(::mkfifo((folder.path() / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(open_private_file(folder.path() / "link").status().code(), Code::invalid_argument);
  EXPECT_EQ(open_private_file(folder.path() / "pipe").status().code(), Code::invalid_argument);
  EXPECT_EQ(open_private_file(folder.path()).status().code(), Code::invalid_argument);
  EXPECT_EQ(open_private_file(folder.path() / "none").status().code(), Code::not_found);
}

}  // namespace
}  // namespace mlops::testing
