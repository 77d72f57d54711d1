#include "net/unix_listener.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <filesystem>

#include "support/temporary_folder.h"

namespace mlops {
namespace {

namespace fs = std::filesystem;

class UnixListenerTest : public ::testing::Test {
 protected:
  bool connects() const {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    const Fd client(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    return ::connect(client.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) ==
           0;
  }

  testing::TemporaryFolder folder;
  const std::string path = (folder.path() / "admin").string();
};

TEST_F(UnixListenerTest, IsItsOwnersAloneAndGoesWithTheObject) {
  {
    const auto listener = UnixListener::open(path);
    ASSERT_TRUE(listener.ok()) << listener.status().message();
    struct stat facts {};
    ASSERT_EQ(::lstat(path.c_str(), &facts), 0);
    EXPECT_TRUE(S_ISSOCK(facts.st_mode));
    EXPECT_EQ(facts.st_mode & 0777U, 0600U);
    EXPECT_TRUE(connects());
  }
  EXPECT_FALSE(fs::exists(path));
}

TEST_F(UnixListenerTest, ASocketThatNobodyListensOnIsTakenOver) {
  auto killed = UnixListener::open(path);
  ASSERT_TRUE(killed.ok());
  killed->take_socket().reset();  // its file stays, as after kill -9
  EXPECT_FALSE(connects());
  const auto next = UnixListener::open(path);
  ASSERT_TRUE(next.ok()) << next.status().message();
  EXPECT_TRUE(connects());
}

TEST_F(UnixListenerTest, ASocketInUseIsAnErrorAndStaysInUse) {
  const auto first = UnixListener::open(path);
  ASSERT_TRUE(first.ok());
  const auto second = UnixListener::open(path);
  EXPECT_EQ(second.status().message(),
            "cannot listen on the socket '" + path + "': Address already in use");
  EXPECT_TRUE(connects());
}

TEST_F(UnixListenerTest, WhatIsNoSocketIsLeftAlone) {
  folder.file("admin", "a file");
  EXPECT_FALSE(UnixListener::open(path).ok());
  EXPECT_EQ(testing::read_file(path), "a file");
  fs::remove(path);
  fs::create_symlink(folder.path() / "elsewhere", path);
  EXPECT_FALSE(UnixListener::open(path).ok());
  EXPECT_FALSE(fs::exists(folder.path() / "elsewhere"));
}

TEST_F(UnixListenerTest, APathThatIsTooLongIsAnError) {
  const auto opened = UnixListener::open("/tmp/" + std::string(200, 'x'));
  EXPECT_NE(opened.status().message().find("too long"), std::string::npos);
  EXPECT_FALSE(UnixListener::open((folder.path() / "no" / "such").string()).ok());
}

}  // namespace
}  // namespace mlops
