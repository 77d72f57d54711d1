#include "telemetry/otlp_exporter.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <mutex>

#include "protocol/otlp.pb.h"
#include "support/http_server_double.h"

namespace mlops {
namespace {

using testing::http_reply;
using testing::HttpServerDouble;

OtlpOptions options_for(const std::string& url) {
  OtlpOptions options;
  options.url = url;
  options.queue_spans_max = 30;
  options.batch_spans_max = 6;
  options.delay = std::chrono::milliseconds(5);
  options.backoff = std::chrono::milliseconds(1);
  return options;
}

TraceRecord record(const std::string& model) {
  TraceRecord record;
  record.model = model;
  record.request_start = record.receive_start = std::chrono::steady_clock::now();
  record.computed.start = record.request_start;
  return record;
}

bool has(const OtlpExporter& exporter, const std::string& line) {
  return exporter.metrics_text().find(line + "\n") != std::string::npos;
}

constexpr std::chrono::seconds kPatience(20);

TEST(OtlpExporter, SendsBatchesAndTheRestWhenItStops) {
  std::mutex mutex;
  std::vector<std::string> models;
  std::promise<void> asked;
  HttpServerDouble server([&](const std::string& request) {
    otlp::ExportTraceServiceRequest spans;
    EXPECT_TRUE(spans.ParseFromString(request.substr(request.find("\r\n\r\n") + 4)));
    EXPECT_NE(request.find("POST /v1/traces HTTP/1.1\r\n"), std::string::npos);
    const std::lock_guard lock(mutex);
    for (const auto& span : spans.resource_spans(0).scope_spans(0).spans()) {
      if (span.name() != "InferRequest" && span.name() != "compute") models.push_back(span.name());
    }
    if (models.size() == 2) asked.set_value();
    return http_reply("200 OK");
  });
  NullLog log;
  OtlpOptions options = options_for(server.url("/v1/traces"));
  options.delay = std::chrono::hours(1);
  {
    const auto exporter = *OtlpExporter::start(options, log);
    exporter->write(record("a"));
    exporter->write(record("b"));  // fills a batch
    EXPECT_EQ(asked.get_future().wait_for(kPatience), std::future_status::ready);
    EXPECT_TRUE(exporter->flush(kPatience));
    EXPECT_TRUE(has(*exporter, "mlops_trace_spans_exported_total 6"));
    exporter->write(record("c"));
  }
  EXPECT_EQ(models, (std::vector<std::string>{"a", "b", "c"}));
}

class CountingLog final : public LogSink {
 public:
  void log(Severity, std::string_view) override { ++lines; }
  std::atomic<int> lines{0};
};

TEST(OtlpExporter, TriesAgainWhatIsRefusedForTheMoment) {
  std::atomic<int> asked{0};
  HttpServerDouble server([&asked](const std::string&) {
    const int n = ++asked;
    if (n == 1) return http_reply("503 Service Unavailable", "", "Retry-After: 0\r\n");
    if (n == 2) return std::string();
    return http_reply(n == 3 ? "429 Too Many Requests" : "200 OK");
  });
  CountingLog log;
  const auto exporter = *OtlpExporter::start(options_for(server.url()), log);
  exporter->write(record("a"));
  EXPECT_TRUE(exporter->flush(kPatience));
  EXPECT_TRUE(has(*exporter, "mlops_trace_spans_exported_total 3"));
  EXPECT_TRUE(has(*exporter, "mlops_trace_export_failures_total 2"));
  EXPECT_EQ(log.lines.load(), 2);  // that it fails, once, and that it works again
}

TEST(OtlpExporter, GivesUpWhatIsRefusedForGoodAndGoesOn) {
  std::atomic<int> asked{0};
  HttpServerDouble server([&asked](const std::string&) {
    return http_reply(++asked == 1 ? "400 Bad Request" : "200 OK");
  });
  NullLog log;
  const auto exporter = *OtlpExporter::start(options_for(server.url()), log);
  exporter->write(record("a"));
  EXPECT_TRUE(exporter->flush(kPatience));
  EXPECT_TRUE(has(*exporter, "mlops_trace_spans_dropped_total{reason=\"not_taken\"} 3"));
  exporter->write(record("b"));
  EXPECT_TRUE(exporter->flush(kPatience));
  EXPECT_TRUE(has(*exporter, "mlops_trace_spans_exported_total 3"));
}

TEST(OtlpExporter, NeverWaitsForTheCollectorAndDropsWhatDoesNotFit) {
  std::promise<void> end;
  std::shared_future<void> ended(end.get_future());
  std::promise<void> asked;
  std::atomic<bool> first{true};
  HttpServerDouble server([&, ended](const std::string&) {
    if (first.exchange(false)) asked.set_value();
    ended.wait();
    return http_reply("200 OK");
  });
  NullLog log;
  OtlpOptions options = options_for(server.url());
  options.farewell = std::chrono::milliseconds(10);
  {
    const auto exporter = *OtlpExporter::start(options, log);
    exporter->write(record("a"));
    asked.get_future().wait();
    for (int i = 0; i < 25; ++i) exporter->write(record("b"));
    EXPECT_TRUE(has(*exporter, "mlops_trace_spans_queued 30"));
    EXPECT_TRUE(has(*exporter, "mlops_trace_spans_dropped_total{reason=\"queue_full\"} 45"));
  }  // and stops although the collector hangs
  end.set_value();
}

TEST(OtlpExporter, RefusesOptionsThatCannotWork) {
  NullLog log;
  EXPECT_FALSE(OtlpExporter::start(options_for("localhost:4318"), log).ok());
  OtlpOptions options = options_for("http://localhost:4318");
  options.batch_spans_max = 31;
  EXPECT_FALSE(OtlpExporter::start(options, log).ok());
}

}  // namespace
}  // namespace mlops
