#include "admin/log_lines.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>
#include <vector>

#include "support/temporary_folder.h"

namespace mlops {
namespace {

constexpr std::chrono::seconds kPatience(20);
constexpr long long kTime = 1'700'000'000'123'456;

RequestLine line(const std::string& request_id) {
  RequestLine line;
  line.protocol = "HTTP";
  line.route = "infer";
  line.status = "200";
  line.model = "m";
  line.request_id = request_id;
  line.ended = line.began + std::chrono::microseconds(1500);
  return line;
}

TEST(LogLines, ARequestIsOneObject) {
  RequestLine request = line("a\"b");
  request.trace_id = "0af7651916cd43dd8448eb211c80319c";
  EXPECT_EQ(log_line(LogFormat::json, request, kTime),
            "{\"time\":\"2023-11-14T22:13:20.123456Z\",\"level\":\"verbose\","
            "\"message\":\"HTTP infer 200\",\"protocol\":\"HTTP\",\"route\":\"infer\","
            "\"status\":\"200\",\"model\":\"m\",\"request_id\":\"a\\\"b\","
            "\"trace_id\":\"0af7651916cd43dd8448eb211c80319c\",\"duration_us\":1500}\n");
}

std::string text_of(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

TEST(LogLines, AFileThatWasMovedAwayIsMadeAnew) {
  const testing::TemporaryFolder folder;
  const std::filesystem::path path = folder.path() / "server.log";
  LogLines log(LogFormat::text, -1);
  ASSERT_TRUE(log.open(path.string()).ok());
  EXPECT_EQ(log.settings().file, path.string());
  log.log(Severity::info, "one");
  std::filesystem::rename(path, folder.path() / "server.log.1");
  log.log(Severity::info, "two");
  ASSERT_TRUE(log.open(path.string()).ok());
  log.log(Severity::info, "three");
  ASSERT_TRUE(log.flush(kPatience));
  EXPECT_NE(text_of(folder.path() / "server.log.1").find("two"), std::string::npos);
  EXPECT_EQ(text_of(path).find("two"), std::string::npos);
  EXPECT_NE(text_of(path).find("three"), std::string::npos);
  EXPECT_FALSE(log.open((folder.path() / "no" / "such").string()).ok());
  log.log(Severity::info, "four");
  ASSERT_TRUE(log.flush(kPatience));
  EXPECT_NE(text_of(path).find("four"), std::string::npos);
}

TEST(LogLines, JsonLineIsEscaped) {
  EXPECT_EQ(log_line(LogFormat::json, "warning", "a \"b\"\n", kTime),
            "{\"time\":\"2023-11-14T22:13:20.123456Z\",\"level\":\"warning\","
            "\"message\":\"a \\\"b\\\"\\n\"}\n");
}

TEST(LogLines, TextLineStaysOneLine) {
  EXPECT_EQ(log_line(LogFormat::text, "error", "a\nb", kTime),
            "2023-11-14T22:13:20.123456Z error a b\n");
  EXPECT_EQ(log_line(LogFormat::text, "info", "a\x1b[31mb", kTime),
            "2023-11-14T22:13:20.123456Z info a [31mb\n");
}

TEST(LogLines, SettingsTakeEffectAtOnce) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  LogLines log(LogFormat::json, ends[1]);
  log.request(line("too early"));
  log.update({.info = false, .warning = {}, .error = {}, .verbose_level = 1, .iso8601 = true});
  log.log(Severity::info, "hidden");
  log.log(Severity::warning, "seen");
  log.request(line("detail"));
  const LogSettings now = log.settings();
  EXPECT_FALSE(now.info);
  EXPECT_TRUE(now.warning && now.error && now.iso8601);
  EXPECT_EQ(now.verbose_level, 1U);
  log.update({.info = true, .warning = {}, .error = {}, .verbose_level = 0, .iso8601 = false});
  log.request(line("too late"));
  log.log(Severity::info, "back");
  ASSERT_TRUE(log.flush(kPatience));
  ::close(ends[1]);
  char text[4096];
  const ssize_t size = ::read(ends[0], text, sizeof text);
  ::close(ends[0]);
  const std::string all(text, size < 0 ? 0 : static_cast<std::size_t>(size));
  EXPECT_EQ(all.find("hidden"), std::string::npos);
  EXPECT_EQ(all.find("too"), std::string::npos);
  EXPECT_NE(all.find(" warning seen\n"), std::string::npos) << all;
  EXPECT_NE(all.find(" verbose HTTP infer 200 protocol=HTTP route=infer status=200 model=m"
                     " request_id=detail duration_us=1500\n"),
            std::string::npos)
      << all;
  EXPECT_NE(all.find("\"message\":\"back\"}\n"), std::string::npos) << all;
}

TEST(LogLines, LinesOfManyThreadsDoNotMix) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  LogLines log(LogFormat::text, ends[1]);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&log, t] {
      for (int i = 0; i < 50; ++i)
        log.log(Severity::info, std::string(100, static_cast<char>('a' + t)));
    });
  }
  for (std::thread& thread : threads) thread.join();
  ASSERT_TRUE(log.flush(kPatience));
  ::close(ends[1]);
  std::string all;
  char part[4096];
  for (ssize_t size; (size = ::read(ends[0], part, sizeof part)) > 0;) {
    all.append(part, static_cast<std::size_t>(size));
  }
  ::close(ends[0]);
  std::size_t lines = 0;
  for (std::size_t at = 0; at < all.size(); ++lines) {
    const std::size_t end = all.find('\n', at);
    ASSERT_NE(end, std::string::npos);
    const std::string message = all.substr(end - 100, 100);
    EXPECT_EQ(message, std::string(100, message[0]));
    at = end + 1;
  }
  EXPECT_EQ(lines, 200U);
}

}  // namespace
}  // namespace mlops
