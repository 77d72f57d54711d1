#include "admin/trace_file.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "support/temporary_folder.h"

namespace mlops {
namespace {

std::string text_of(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

TimePoint at_ns(std::int64_t ns) { return TimePoint(std::chrono::nanoseconds(ns)); }

TraceRecord record() {
  return {"m",       2,         "r\"1",
          at_ns(10), at_ns(20), {{at_ns(30), at_ns(40), at_ns(50), at_ns(60)}, {}},
          at_ns(70), {},        {},
          {},        {},        {},
          {},        true,      {}};
}

constexpr const char* kFirst =
    R"({"id":1,"model_name":"m","model_version":2,"request_id":"r\"1"},{"id":1,"timestamps":[)"
    R"({"name":"REQUEST_START","ns":10},{"name":"QUEUE_START","ns":20},)"
    R"({"name":"COMPUTE_START","ns":30},{"name":"COMPUTE_INPUT_END","ns":40},)"
    R"({"name":"COMPUTE_OUTPUT_START","ns":50},{"name":"COMPUTE_END","ns":60},)"
    R"({"name":"REQUEST_END","ns":70}]})";

TEST(TraceFile, IsAJsonArrayAfterEveryTrace) {
  const testing::TemporaryFolder folder;
  const std::string path = (folder.path() / "trace.json").string();
  const TraceControl settings(path, {});
  NullLog log;
  TraceFile file(settings, log);
  file.write(record());
  EXPECT_EQ(text_of(path), std::string("[") + kFirst + "]\n");
  TraceRecord failed = record();
  failed.queue_start = {};
  failed.computed = {};
  file.write(std::move(failed));
  EXPECT_EQ(text_of(path),
            std::string("[") + kFirst +
                R"(,{"id":2,"model_name":"m","model_version":2,"request_id":"r\"1"},)"
                R"({"id":2,"timestamps":[{"name":"REQUEST_START","ns":10},)"
                R"({"name":"REQUEST_END","ns":70}]}])"
                "\n");
}

TEST(TraceFile, MembersOfAnEnsembleNameTheirParent) {
  const testing::TemporaryFolder folder;
  const std::string path = (folder.path() / "trace.json").string();
  const TraceControl settings(path, {});
  NullLog log;
  TraceFile file(settings, log);
  TraceRecord ensemble = record();
  static_cast<ComputeTimes&>(ensemble.computed) = {};
  ensemble.computed.members = {{"a", 3, at_ns(21), at_ns(40), {}, std::nullopt},
                               {"b", 4, at_ns(22), at_ns(39), {}, 0}};
  file.write(std::move(ensemble));
  file.write(record());
  const std::string text = text_of(path);
  for (const char* part :
       {R"({"id":2,"model_name":"a","model_version":3,"request_id":"r\"1","parent_id":1})",
        R"({"id":3,"model_name":"b","model_version":4,"request_id":"r\"1","parent_id":2})",
        R"({"id":2,"timestamps":[{"name":"REQUEST_START","ns":21},{"name":"QUEUE_START","ns":21},)",
        R"({"id":4,"model_name":"m","model_version":2,"request_id":"r\"1"},)"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << " in " << text;
  }
}

TEST(TraceFile, TheLogFrequencySplitsFiles) {
  const testing::TemporaryFolder folder;
  const std::string path = (folder.path() / "trace.json").string();
  const TraceControl settings(path, {.level = {}, .rate = 1, .count = -1, .log_frequency = 1});
  NullLog log;
  TraceFile file(settings, log);
  file.write(record());
  file.write(record());
  EXPECT_EQ(text_of(path + ".0"), std::string("[") + kFirst + "]\n");
  EXPECT_NE(text_of(path + ".1").find("\"id\":2"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(path));
}

class CountingLog final : public LogSink {
 public:
  void log(Severity, std::string_view) override { ++lines; }
  int lines = 0;
};

TEST(TraceFile, WhatCannotBeWrittenIsSaidOnce) {
  const TraceControl settings("/no/such/folder/trace.json", {});
  CountingLog log;
  TraceFile file(settings, log);
  file.write(record());
  file.write(record());
  EXPECT_EQ(log.lines, 1);
}

}  // namespace
}  // namespace mlops
