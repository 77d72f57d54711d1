#pragma once
// Sends traces to an OpenTelemetry collector: OTLP over HTTP, protobuf, in batches, from one thread
// of its own.
//
// write() takes a lock for as long as a record is moved into a bounded queue, and never waits for
// the collector: what does not fit is dropped and counted. A batch that the collector refuses for
// the moment is sent again, later and later; one that it refuses for good, or for too long, is
// dropped and counted. The log hears of it when exporting begins to fail and when it works again.

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "base/log.h"
#include "client/http_client.h"
#include "protocol/otlp_spans.h"
#include "protocol/trace_record.h"
#include "telemetry/otlp_options.h"

namespace mlops {

class OtlpExporter final : public TraceSink {
 public:
  // `log` must outlive it. Fails when the options are wrong; whether the collector is there shows
  // with the first export.
  static Result<std::unique_ptr<OtlpExporter>> start(const OtlpOptions& options, LogSink& log);
  // Sends what is queued, for at most options.farewell, and drops the rest.
  ~OtlpExporter() override;

  void write(TraceRecord&& record) noexcept override;
  // Exports what is queued, without waiting for a batch to be full; false: not within `patience`.
  bool flush(std::chrono::milliseconds patience);
  // What became of spans, as a part of a Prometheus page.
  std::string metrics_text() const;

 private:
  enum class Sent : std::uint8_t { taken, retry, refused };

  OtlpExporter(const OtlpOptions& options, Url url, LogSink& log);
  void run();
  void export_batch(const std::vector<TraceRecord>& batch);
  Sent send(const std::string& body, std::size_t spans, Duration& wait);
  // False: the server stops, and there is no more time.
  bool pause(Duration wait);
  void note(bool works, const std::string& why);

  const OtlpOptions options_;
  const Url url_;
  LogSink& log_;
  HttpClient client_;
  OtlpResource resource_;
  std::mt19937_64 random_;     // the thread's
  std::uint64_t next_id_ = 1;  // likewise
  bool failing_ = false;       // likewise
  std::atomic<std::uint64_t> exported_{0}, dropped_full_{0}, dropped_refused_{0}, failures_{0};
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<TraceRecord> queue_;  // guarded by mutex_
  std::size_t flushes_ = 0;         // guarded by mutex_: that wait
  bool exporting_ = false;          // guarded by mutex_
  bool stopping_ = false;           // guarded by mutex_
  TimePoint give_up_ = kNever;      // guarded by mutex_: when it stops
  std::thread thread_;              // last
};

}  // namespace mlops
