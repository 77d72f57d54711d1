#include "telemetry/otlp_exporter.h"

#include <algorithm>
#include <charconv>

#include "base/version.h"

namespace mlops {
namespace {

HttpClientLimits client_limits() {
  HttpClientLimits limits;
  limits.connect = std::chrono::seconds(5);
  limits.silence = limits.total = std::chrono::seconds(10);
  limits.body_bytes_max = std::size_t{64} << 10;
  return limits;
}

// The first to say something of a key counts: what was asked for, then ours.
OtlpResource resource_of(const OtlpOptions& options) {
  OtlpResource resource{options.resource};
  const auto add = [&resource](const std::string& key, const std::string& value) {
    const auto same = [&key](const auto& known) { return known.first == key; };
    if (std::ranges::none_of(resource.attributes, same))
      resource.attributes.emplace_back(key, value);
  };
  add("service.name", "mlops-server");
  add("service.version", std::string(kVersion));
  return resource;
}

Duration retry_after(const HttpReplyHead& head) {
  const std::string_view text = head.header("retry-after");
  unsigned seconds = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || stop != text.data() + text.size()) return Duration::zero();
  return std::chrono::seconds(std::min(seconds, 3600U));
}

}  // namespace

Result<std::unique_ptr<OtlpExporter>> OtlpExporter::start(const OtlpOptions& options,
                                                          LogSink& log) {
  Result<Url> url = parse_url(options.url);
  if (!url.ok()) return url.status();
  if (options.batch_spans_max > options.queue_spans_max) {
    return Status::invalid_argument("bsp_max_export_batch_size is above bsp_max_queue_size");
  }
  std::unique_ptr<OtlpExporter> exporter(new OtlpExporter(options, *std::move(url), log));
  exporter->thread_ = std::thread([raw = exporter.get()] { raw->run(); });
  return exporter;
}

OtlpExporter::OtlpExporter(const OtlpOptions& options, Url url, LogSink& log)
    : options_(options),
      url_(std::move(url)),
      log_(log),
      client_(url_, client_limits()),
      resource_(resource_of(options)) {
  std::random_device entropy;
  std::seed_seq seed{entropy(), entropy(), entropy(), entropy(), entropy(), entropy()};
  random_.seed(seed);
}

OtlpExporter::~OtlpExporter() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    give_up_ = std::chrono::steady_clock::now() + options_.farewell;
    changed_.notify_all();
  }
  if (!thread_.joinable()) return;
  // The thread may be in the middle of an exchange that takes longer than there is time.
  std::unique_lock lock(mutex_);
  changed_.wait_until(lock, give_up_, [this] { return !stopping_; });
  lock.unlock();
  client_.interrupt();
  thread_.join();
}

void OtlpExporter::write(TraceRecord&& record) noexcept {
  const std::lock_guard lock(mutex_);
  if (stopping_ || (queue_.size() + 1) * kSpansPerRecord > options_.queue_spans_max) {
    dropped_full_.fetch_add(kSpansPerRecord, std::memory_order_relaxed);
    return;
  }
  queue_.push_back(std::move(record));
  const std::size_t spans = queue_.size() * kSpansPerRecord;
  if (spans >= options_.batch_spans_max && spans - kSpansPerRecord < options_.batch_spans_max) {
    changed_.notify_all();
  }
}

bool OtlpExporter::flush(std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  ++flushes_;
  changed_.notify_all();
  const bool done =
      changed_.wait_for(lock, patience, [this] { return queue_.empty() && !exporting_; });
  --flushes_;
  return done;
}

void OtlpExporter::run() {
  const std::size_t batch_max =
      std::max<std::size_t>(1, options_.batch_spans_max / kSpansPerRecord);
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait_for(lock, options_.delay, [&] {
      return stopping_ || queue_.size() >= batch_max || (flushes_ > 0 && !queue_.empty());
    });
    while (!queue_.empty()) {
      const auto end =
          queue_.begin() + static_cast<std::ptrdiff_t>(std::min(queue_.size(), batch_max));
      const std::vector<TraceRecord> batch(std::make_move_iterator(queue_.begin()),
                                           std::make_move_iterator(end));
      queue_.erase(queue_.begin(), end);
      exporting_ = true;
      lock.unlock();
      export_batch(batch);
      lock.lock();
      exporting_ = false;
      if (flushes_ > 0) changed_.notify_all();
      if (!stopping_ && flushes_ == 0 && queue_.size() < batch_max) break;
    }
    if (stopping_) break;
  }
  stopping_ = false;  // the destructor need not wait any longer
  changed_.notify_all();
}

void OtlpExporter::export_batch(const std::vector<TraceRecord>& batch) {
  using std::chrono::duration_cast;
  using std::chrono::nanoseconds;
  const TimePoint now = std::chrono::steady_clock::now();
  const auto unix_now = std::chrono::system_clock::now().time_since_epoch();
  const OtlpClock clock{duration_cast<nanoseconds>(unix_now).count() -
                        duration_cast<nanoseconds>(now.time_since_epoch()).count()};
  const std::string body =
      encode_otlp_spans(batch, resource_, clock, next_id_, [this] { return random_(); });
  std::size_t spans = 0;
  for (const TraceRecord& record : batch) spans += span_count(record);
  const TimePoint end = now + options_.patience;
  Sent sent = Sent::retry;
  for (Duration backoff = options_.backoff; true;
       backoff = std::min(2 * backoff, options_.backoff_max)) {
    // Many servers that lost the same collector must not come back to it all at once.
    Duration wait = backoff / 2 + backoff * static_cast<std::int64_t>(random_() % 512) / 1024;
    sent = send(body, spans, wait);
    if (sent != Sent::retry || std::chrono::steady_clock::now() + wait > end || !pause(wait)) break;
  }
  if (sent != Sent::taken) dropped_refused_.fetch_add(spans, std::memory_order_relaxed);
}

OtlpExporter::Sent OtlpExporter::send(const std::string& body, std::size_t spans, Duration& wait) {
  const Result<HttpAnswered> answered =
      client_.ask({"POST", url_.target, {{"Content-Type", "application/x-protobuf"}}, body});
  if (!answered.ok()) {
    note(false, answered.status().message());
    return Sent::retry;
  }
  const int status = answered->head.status;
  if (status >= 200 && status < 300) {
    const OtlpRejection rejection = decode_otlp_answer(answered->body);
    const std::uint64_t rejected = std::min<std::uint64_t>(rejection.spans, spans);
    exported_.fetch_add(spans - rejected, std::memory_order_relaxed);
    dropped_refused_.fetch_add(rejected, std::memory_order_relaxed);
    note(rejected == 0, "the collector rejects spans: " + rejection.why.substr(0, 200));
    return Sent::taken;
  }
  note(false, "the collector answers " + std::to_string(status));
  if (status != 429 && status != 502 && status != 503 && status != 504) return Sent::refused;
  wait = std::max(wait, retry_after(answered->head));
  return Sent::retry;
}

bool OtlpExporter::pause(Duration wait) {
  std::unique_lock lock(mutex_);
  const TimePoint end = std::chrono::steady_clock::now() + wait;
  // When the server stops there is time for what is quick, and none for waiting.
  return !changed_.wait_until(lock, end, [this] { return stopping_; });
}

void OtlpExporter::note(bool works, const std::string& why) {
  if (!works) failures_.fetch_add(1, std::memory_order_relaxed);
  if (works != failing_) return;
  failing_ = !works;
  if (works) {
    log_.log(Severity::info, "traces are exported again");
  } else {
    log_.log(Severity::warning, "traces are not exported: " + why);
  }
}

std::string OtlpExporter::metrics_text() const {
  const auto number = [](const std::atomic<std::uint64_t>& value) {
    return std::to_string(value.load(std::memory_order_relaxed)) + "\n";
  };
  std::string page =
      "# HELP mlops_trace_spans_exported_total Spans that the collector has taken\n"
      "# TYPE mlops_trace_spans_exported_total counter\n"
      "mlops_trace_spans_exported_total " +
      number(exported_);
  page +=
      "# HELP mlops_trace_spans_dropped_total Spans that were given up, by reason\n"
      "# TYPE mlops_trace_spans_dropped_total counter\n"
      "mlops_trace_spans_dropped_total{reason=\"queue_full\"} " +
      number(dropped_full_) + "mlops_trace_spans_dropped_total{reason=\"not_taken\"} " +
      number(dropped_refused_);
  page +=
      "# HELP mlops_trace_export_failures_total Tries to export that failed\n"
      "# TYPE mlops_trace_export_failures_total counter\n"
      "mlops_trace_export_failures_total " +
      number(failures_);
  std::size_t waiting = 0;
  {
    const std::lock_guard lock(mutex_);
    waiting = queue_.size() * kSpansPerRecord;
  }
  return page +
         "# HELP mlops_trace_spans_queued Spans that wait for their export\n"
         "# TYPE mlops_trace_spans_queued gauge\n"
         "mlops_trace_spans_queued " +
         std::to_string(waiting) + "\n";
}

}  // namespace mlops
