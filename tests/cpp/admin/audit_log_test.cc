// What becomes of records; that they are made is in the tests of each door.

#include "admin/audit_log.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "support/temporary_folder.h"

namespace mlops {
namespace {

using testing::read_file;

constexpr std::chrono::seconds kAuditPatience(20);

class RememberingLog final : public LogSink {
 public:
  void log(Severity severity, std::string_view message) override {
    const std::lock_guard lock(mutex);
    lines.push_back((severity == Severity::error ? "error: " : "") + std::string(message));
  }
  std::mutex mutex;
  std::vector<std::string> lines;
};

AuditRecord record_of(const std::string& target) {
  return {.call = ServerCall::repository_load,
          .door = "http",
          .who = "ana",
          .peer_name = "",
          .address = "10.0.0.1",
          .target = target,
          .result = "200"};
}

std::size_t lines_of(const std::string& text) {
  return static_cast<std::size_t>(std::ranges::count(text, '\n'));
}

class AuditLogTest : public ::testing::Test {
 protected:
  std::string text() {
    EXPECT_TRUE(audit->flush(kAuditPatience));
    return read_file(path);
  }

  testing::TemporaryFolder folder;
  const std::string path = (folder.path() / "audit").string();
  RememberingLog log;
  std::unique_ptr<AuditLog> audit = *AuditLog::open(path, log);
  const TimePoint now = TimePoint() + std::chrono::hours(1);
};

TEST(AuditLine, HasWhatIsKnownAndIsOneLineOfJson) {
  AuditRecord record = record_of("m\n\"x\"");
  EXPECT_EQ(audit_line(record, 0, 1'700'000'000'123'456),
            "{\"time\":\"2023-11-14T22:13:20.123456Z\",\"call\":\"repository_load\",\"door\":"
            "\"http\",\"who\":\"ana\",\"address\":\"10.0.0.1\",\"target\":\"m\\n\\\"x\\\"\","
            "\"result\":\"200\"}\n");
  record.peer_name = "CN=client";
  record.target = std::string(100'000, 'x');
  const std::string line = audit_line(record, 3, 0);
  EXPECT_NE(line.find(",\"certificate\":\"CN=client\","), std::string::npos);
  EXPECT_TRUE(line.ends_with(",\"refused_unlogged\":3}\n"));
  EXPECT_LT(line.size(), 1000U);
}

TEST_F(AuditLogTest, IsItsOwnersAloneAndIsAppendedTo) {
  audit->record(record_of("a"));
  EXPECT_EQ(lines_of(text()), 1U);
  struct stat facts {};
  ASSERT_EQ(::stat(path.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777U, 0600U);
  audit = *AuditLog::open(path, log);
  audit->record(record_of("b"));
  EXPECT_EQ(lines_of(text()), 2U);
}

TEST_F(AuditLogTest, RefusalsBeyondTheRateAreCounted) {
  for (int i = 0; i < 150; ++i) audit->record_refused(record_of("a"), now);
  EXPECT_EQ(lines_of(text()), 100U);
  audit->record(record_of("b"));  // an administrator's call is always written
  EXPECT_NE(text().find("\"target\":\"b\",\"result\":\"200\",\"refused_unlogged\":50}\n"),
            std::string::npos);
  audit->record_refused(record_of("c"), now + std::chrono::seconds(1));
  EXPECT_TRUE(text().ends_with("\"target\":\"c\",\"result\":\"200\"}\n"));
}

TEST_F(AuditLogTest, AFileThatWasMovedAwayIsMadeAnew) {
  audit->record(record_of("a"));
  std::filesystem::rename(path, path + ".1");
  ASSERT_TRUE(audit->reopen().ok());
  audit->record(record_of("b"));
  EXPECT_EQ(lines_of(text()), 1U);
  EXPECT_EQ(lines_of(read_file(path + ".1")), 1U);
  std::filesystem::rename(path, path + ".2");
  std::filesystem::create_directory(path);
  EXPECT_FALSE(audit->reopen().ok());
  audit->record(record_of("c"));  // into the old one
  ASSERT_TRUE(audit->flush(kAuditPatience));
  EXPECT_EQ(lines_of(read_file(path + ".2")), 2U);
}

TEST_F(AuditLogTest, WhatCannotBeWrittenIsSaidOnceAndCostsNobody) {
  audit = *AuditLog::open("/dev/full", log);
  audit->record(record_of("a"));
  ASSERT_TRUE(audit->flush(kAuditPatience));
  audit->record(record_of("b"));
  ASSERT_TRUE(audit->flush(kAuditPatience));
  const std::lock_guard lock(log.mutex);
  EXPECT_EQ(log.lines, (std::vector<std::string>{
                           "error: audit records are lost: /dev/full: No space left on device"}));
}

// open() would wait for somebody who reads.
TEST_F(AuditLogTest, APipeThatNobodyReadsIsAnErrorAtOnce) {
  const std::string pipe = (folder.path() / "pipe").string();
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_FALSE(AuditLog::open(pipe, log).ok());
}

}  // namespace
}  // namespace mlops
