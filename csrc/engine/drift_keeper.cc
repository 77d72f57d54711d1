#include "engine/drift_keeper.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "base/private_folder.h"
#include "execute/file_digest.h"

namespace mlops {
namespace {

constexpr std::size_t kStateBytesMax = std::size_t{256} << 20;

// The judge says times again as it was told them, and they are read on other days.
TimePoint wall_now() {
  return TimePoint(
      std::chrono::duration_cast<Duration>(std::chrono::system_clock::now().time_since_epoch()));
}

std::string marked(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
  }
  return out + '"';
}

std::string with_number(std::string_view key, double number) {
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), "%.4g", number);
  return " " + std::string(key) + "=" + text.data();
}

// Of the reference that is in force now; another may come, and this one lives on while it is held.
std::shared_ptr<VersionJudge> judge_of(Servable& version) {
  DriftObserver* const drift = version.drift();
  if (!drift) return nullptr;
  const std::shared_ptr<DriftEpoch> epoch = drift->epoch();
  return {epoch, epoch->judge.get()};
}

}  // namespace

std::string event_line(const ModelInfo& model, const Reference& reference,
                       const NumberedEvent& event) {
  std::string line = "drift event=" + std::string(name_of(event.event.kind)) +
                     " number=" + std::to_string(event.number) + " model=" + marked(model.name) +
                     " version=" + std::to_string(model.version) +
                     " row=" + std::to_string(event.event.row);
  if (event.event.alert) {
    const DriftAlert& alert = *event.event.alert;
    line += " stream=" + marked(reference.streams[alert.stream].name.label);
    line += " severity=" + std::string(name_of(alert.severity));
    line += " cause=" + std::string(name_of(alert.cause.kind));
    if (alert.cause.kind == DriftClass::unit) line += with_number("factor", alert.cause.factor);
    line += " since_row=" + std::to_string(alert.change_row);
    line += with_number("psi", alert.psi_debiased);
    line += with_number("log_e", std::log(std::max(alert.e_value, 1e-300)));
  }
  std::string streams;
  for (const std::size_t stream : event.event.streams) {
    streams += (streams.empty() ? "" : ",") + reference.streams[stream].name.label;
  }
  return streams.empty() ? line : line + " streams=" + marked(streams);
}

DriftKeeper::DriftKeeper(const DriftSettings& settings, const Clock& clock, LogSink& log,
                         Versions versions)
    : settings_(settings), clock_(clock), log_(log), versions_(std::move(versions)) {}

DriftKeeper::~DriftKeeper() { end(); }

std::string DriftKeeper::path_of(const Servable& version) const {
  return settings_.state_directory + "/" + version.info().name + "/" +
         std::to_string(version.info().version) + ".judge";
}

void DriftKeeper::adopt(Servable& version, Servable* before) {
  if (!version.drift()) return;
  if (before) leave(*before);
  const std::shared_ptr<VersionJudge> judge = judge_of(version);
  if (!settings_.state_directory.empty() && judge) {
    const Result<std::string> bytes = read_private_file(path_of(version), kStateBytesMax);
    Status status = bytes.ok() ? judge->restore(*bytes) : bytes.status();
    if (!status.ok() && status.code() != Code::not_found) {
      log_.log(Severity::warning, "drift of model '" + version.info().name + "' version " +
                                      std::to_string(version.info().version) +
                                      " is judged anew: " + status.message());
    }
  }
  const std::lock_guard lock(thread_mutex_);
  if (ended_ || thread_.joinable()) return;
  thread_ = std::jthread([this](const std::stop_token& stop) { loop(stop); });
}

void DriftKeeper::leave(Servable& version) {
  look(version);
  save(version);
  const std::lock_guard lock(mutex_);
  saved_.erase({version.info().name, version.info().version});
}

void DriftKeeper::look(Servable& version) {
  DriftObserver* const drift = version.drift();
  if (!drift) return;
  version.settle_drift();
  const Judged judged = drift->judge(wall_now());
  for (const NumberedEvent& event : judged.events) {
    const bool good = event.event.kind == DriftEventKind::recovered;
    log_.log(good ? Severity::info : Severity::warning,
             event_line(version.info(), *judged.reference, event));
  }
}

void DriftKeeper::save(Servable& version) {
  const std::shared_ptr<VersionJudge> judge = judge_of(version);
  if (settings_.state_directory.empty() || !judge) return;
  const std::string path = path_of(version);
  const std::string aside = path + "." + std::to_string(getpid());
  const std::string folder = std::filesystem::path(path).parent_path().string();
  std::error_code failed;
  const std::lock_guard lock(mutex_);  // one file at a time
  if (!make_private_folder(settings_.state_directory).ok() || !make_private_folder(folder).ok()) {
    failed = std::make_error_code(std::errc::permission_denied);
  } else {
    std::ofstream file(aside, std::ios::binary);
    file << judge->bytes();
    file.close();
    if (file.good()) std::filesystem::rename(aside, path, failed);
    if (!file.good()) failed = std::make_error_code(std::errc::io_error);
  }
  saved_[{version.info().name, version.info().version}] = {judge->figures().rows, clock_.now()};
  if (!failed) return;
  log_.log(Severity::error,
           "what is known of drift cannot be kept: " + path + ": " + failed.message());
  std::filesystem::remove(aside, failed);
}

void DriftKeeper::save_when_due(Servable& version, TimePoint now) {
  const std::shared_ptr<VersionJudge> judge = judge_of(version);
  if (settings_.state_directory.empty() || !judge) return;
  {
    const std::lock_guard lock(mutex_);
    Saved& last = saved_[{version.info().name, version.info().version}];
    if (judge->figures().rows == last.rows || now - last.at < settings_.save_every) return;
  }
  save(version);
}

void DriftKeeper::loop(const std::stop_token& stop) {
  std::unique_lock lock(thread_mutex_);
  while (!stop.stop_requested()) {
    wake_.wait_for(lock, stop, settings_.round, [] { return false; });
    if (stop.stop_requested()) return;
    lock.unlock();
    for (const std::shared_ptr<Servable>& version : versions_()) {
      look(*version);
      if (version->drift()) save_when_due(*version, clock_.now());
    }
    lock.lock();
  }
}

void DriftKeeper::end() {
  std::jthread ending;
  {
    const std::lock_guard lock(thread_mutex_);
    if (ended_) return;
    ended_ = true;
    ending = std::move(thread_);
  }
  if (!ending.joinable()) return;
  ending.request_stop();
  ending.join();
  for (const std::shared_ptr<Servable>& version : versions_()) {
    leave(*version);
  }
}

}  // namespace mlops
