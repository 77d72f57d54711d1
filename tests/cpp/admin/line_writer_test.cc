// Readers that do not read.

#include "admin/line_writer.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <sstream>
#include <vector>

#include "support/temporary_folder.h"

namespace mlops {
namespace {

constexpr std::chrono::seconds kWriterPatience(20);
constexpr std::size_t kBytesMax = std::size_t{16} << 10;

std::string tell(const LostLines& lost) {
  std::string text = "lost";
  for (const std::uint64_t count : lost) text += " " + std::to_string(count);
  return text + "\n";
}

struct Pipe {
  Pipe() {
    int ends[2];
    EXPECT_EQ(::pipe(ends), 0);
    reader = Fd(ends[0]);
    writer = Fd(ends[1]);
  }
  std::string read_until(const std::string& last) const {
    std::string all;
    char part[4096];
    while (all.find(last) == std::string::npos) {
      const ssize_t size = ::read(reader.get(), part, sizeof part);
      if (size <= 0) break;
      all.append(part, static_cast<std::size_t>(size));
    }
    return all;
  }
  Fd reader;
  Fd writer;
};

// Until there is no room; somebody else's text, so that a test knows it from its own.
void fill(int fd) {
  const std::string text(512, '#');
  const int flags = ::fcntl(fd, F_GETFL);
  ::fcntl(fd, F_SETFL, flags | O_NONBLOCK);
  while (::write(fd, text.data(), text.size()) > 0) {
  }
  ::fcntl(fd, F_SETFL, flags);
}

std::string line(int number) {
  std::string text = std::to_string(number);
  return text + std::string(99 - text.size(), '.') + "\n";
}

TEST(LineWriter, NobodyWaitsForAReaderAndWhatIsLostIsCounted) {
  constexpr int kLines = 5000;  // many times what the pipe and the memory take
  const Pipe pipe;
  LineWriter writer(pipe.writer.get(), kBytesMax, {tell});
  for (int i = 0; i < kLines; ++i) writer.add(LineLevel::info, line(i));
  writer.add(LineLevel::error, "an error finds room\n");
  const std::uint64_t lost = writer.lost();
  EXPECT_GT(lost, 0U);
  EXPECT_LT(lost, static_cast<std::uint64_t>(kLines));
  std::uint64_t told = 0;
  std::uint64_t kept = 0;
  int next = 0;  // what was kept is whole and in order
  std::istringstream all(pipe.read_until("finds room\n"));
  for (std::string text; std::getline(all, text) && text != "an error finds room";) {
    if (text.starts_with("lost 0 ")) {
      told += std::stoul(text.substr(7));
      continue;
    }
    const int number = std::stoi(text);
    EXPECT_GE(number, next);
    EXPECT_EQ(text + "\n", line(number));
    next = number + 1;
    ++kept;
  }
  EXPECT_EQ(told, lost);
  EXPECT_EQ(kept + lost, static_cast<std::uint64_t>(kLines));
  writer.add(LineLevel::info, "and on\n");
  EXPECT_TRUE(writer.flush(kWriterPatience));
  EXPECT_EQ(pipe.read_until("on\n"), "and on\n");
}

TEST(LineWriter, AnotherFileIsWrittenAtOnceAlthoughTheFirstIsNotRead) {
  const testing::TemporaryFolder folder;
  const std::string path = folder.file("log");
  const Pipe pipe;
  fill(pipe.writer.get());
  LineWriter writer(pipe.writer.get(), kBytesMax, {tell});
  while (writer.lost() == 0) writer.add(LineLevel::verbose, line(0));
  writer.use(Fd(::open(path.c_str(), O_WRONLY | O_APPEND)));
  ASSERT_TRUE(writer.flush(kWriterPatience));
  writer.add(LineLevel::info, "new\n");
  ASSERT_TRUE(writer.flush(kWriterPatience));
  const std::string text = testing::read_file(path);
  EXPECT_NE(text.find("lost 1 0 0 0\n"), std::string::npos);
  EXPECT_TRUE(text.ends_with("new\n"));
}

TEST(LineWriter, AReaderThatHasGoneCostsItsLinesOnly) {
  std::signal(SIGPIPE, SIG_IGN);
  const testing::TemporaryFolder folder;
  const std::string path = folder.file("log");
  Pipe pipe;
  LineWriter writer(pipe.writer.get(), kBytesMax, {tell});
  pipe.reader.reset();
  for (int i = 0; i < 3; ++i) {
    writer.add(LineLevel::warning, "to nobody\n");
    ASSERT_TRUE(writer.flush(kWriterPatience));
  }
  EXPECT_EQ(writer.lost(), 3U);
  writer.use(Fd(::open(path.c_str(), O_WRONLY | O_APPEND)));
  writer.add(LineLevel::info, "to somebody\n");
  ASSERT_TRUE(writer.flush(kWriterPatience));
  EXPECT_EQ(testing::read_file(path), "lost 0 0 3 0\nto somebody\n");
}

TEST(LineWriter, LongLinesStayWhole) {
  const Pipe pipe;
  const std::string text(300'000, 'x');
  LineWriter writer(pipe.writer.get(), std::size_t{1} << 20, {tell});
  writer.add(LineLevel::info, text + "\n");
  writer.add(LineLevel::info, "last\n");
  EXPECT_EQ(pipe.read_until("last\n"), text + "\nlast\n");
}

TEST(LineWriter, ItsEndDoesNotWaitForAReaderEither) {
  const Pipe pipe;
  fill(pipe.writer.get());
  LineWriter writer(pipe.writer.get(), kBytesMax, {tell});
  writer.add(LineLevel::info, line(0));
  EXPECT_FALSE(writer.flush(std::chrono::milliseconds(0)));
}

// A terminal says that it has room when it has some, and then waits until all is taken.
TEST(LineWriter, ItsEndDoesNotWaitForAWriteThatHangs) {
  const Fd reader(::posix_openpt(O_RDWR | O_NOCTTY));
  ASSERT_TRUE(::grantpt(reader.get()) == 0 && ::unlockpt(reader.get()) == 0);
  char name[128];
  ASSERT_EQ(::ptsname_r(reader.get(), name, sizeof name), 0);
  const Fd terminal(::open(name, O_RDWR | O_NOCTTY));
  ASSERT_TRUE(terminal);
  constexpr std::size_t kMoreThanATerminalHolds = std::size_t{1} << 20;
  LineWriter writer(terminal.get(), 2 * kMoreThanATerminalHolds, {tell});
  writer.add(LineLevel::info, std::string(kMoreThanATerminalHolds, 'x') + "\n");
  EXPECT_FALSE(writer.flush(std::chrono::milliseconds(0)));
}

// Files of this process end here, as they do on a full disk.
class FullDisk {
 public:
  explicit FullDisk(std::size_t bytes) {
    std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit small{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &small);
  }
  ~FullDisk() { ::setrlimit(RLIMIT_FSIZE, &before_); }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;

 private:
  rlimit before_{};
};

TEST(LineWriter, AfterAFullDiskLinesBeginOnALineOfTheirOwn) {
  const testing::TemporaryFolder folder;
  const std::string path = folder.file("log");
  std::vector<std::string> changes;
  LineWriter writer(-1, kBytesMax, {.lost = tell, .changed = [&changes](const std::string& why) {
                                      changes.push_back(why);
                                    }});
  writer.use(Fd(::open(path.c_str(), O_WRONLY | O_APPEND)));
  {
    const FullDisk full(150);
    writer.add(LineLevel::info, line(1));
    writer.add(LineLevel::info, line(2));
    ASSERT_TRUE(writer.flush(kWriterPatience));
  }
  EXPECT_EQ(writer.lost(), 1U);
  writer.add(LineLevel::info, line(3));
  ASSERT_TRUE(writer.flush(kWriterPatience));
  EXPECT_EQ(testing::read_file(path),
            line(1) + line(2).substr(0, 50) + "\nlost 0 1 0 0\n" + line(3));
  EXPECT_EQ(changes, (std::vector<std::string>{"File too large", ""}));
}

}  // namespace
}  // namespace mlops
