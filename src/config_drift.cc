// Flags of drift and feedback: how changes are judged, when retraining is suggested, where state is
// kept, and how long predictions wait for labels.

#include <cmath>

#include "config.h"
#include "config_flag.h"

namespace mlops {
namespace {

Status set_real(double& target, std::string_view text) {
  double number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stop != end || !std::isfinite(number) || number < 0) {
    return not_a(text, "a number");
  }
  target = number;
  return {};
}

constexpr std::uint64_t kRowsMax = std::uint64_t{1} << 53;

constexpr Flag kDriftFlags[] = {
    {"--drift-state-directory", "DIR",
     "where what is known of drift outlives the process (default: nowhere)",
     [](ServerConfig& c, std::string_view v) {
       c.drift.state_directory = v;
       return Status();
     }},
    {"--drift-average-run-rows", "ROWS",
     "an unchanged version is alarmed about on average not before so many rows (default 1e8)",
     [](ServerConfig& c, std::string_view v) {
       return set_real(c.drift.judge.average_run_rows, v);
     }},
    {"--drift-margin", "DISTANCE",
     "chi-distance from the reference that is no change; 0.05 is a shift by 0.05 sigma (default 0)",
     [](ServerConfig& c, std::string_view v) { return set_real(c.drift.judge.margin, v); }},
    {"--drift-effect-warning", "PSI", "debiased PSI that is worth an alert (default 0.02)",
     [](ServerConfig& c, std::string_view v) { return set_real(c.drift.judge.effect_warning, v); }},
    {"--drift-effect-critical", "PSI", "debiased PSI of a critical alert (default 0.25)",
     [](ServerConfig& c, std::string_view v) {
       return set_real(c.drift.judge.effect_critical, v);
     }},
    {"--drift-recovery-rows", "ROWS",
     "without further evidence, before an alert is over (default 8192)",
     [](ServerConfig& c, std::string_view v) {
       return set_number(c.drift.judge.recovery_rows, v, std::uint64_t{1}, kRowsMax);
     }},
    {"--drift-retrain-share", "SHARE",
     "of the inputs, alerted about for long, that suggests retraining (default 0.25)",
     [](ServerConfig& c, std::string_view v) { return set_real(c.drift.judge.retrain_share, v); }},
    {"--drift-retrain-rows", "ROWS", "what long is (default 10000)",
     [](ServerConfig& c, std::string_view v) {
       return set_number(c.drift.judge.retrain_rows, v, std::uint64_t{0}, kRowsMax);
     }},
    {"--drift-retrain-cooldown-s", "SECONDS",
     "from one suggestion to retrain to the next (default 86400)",
     [](ServerConfig& c, std::string_view v) {
       std::uint32_t seconds = 0;
       const Status s = set_number(seconds, v, 0U, 366U * 86'400U);
       if (s.ok()) c.drift.judge.retrain_cooldown = std::chrono::seconds(seconds);
       return s;
     }},
    {"--feedback-bytes", "BYTES",
     "memory for one model's predictions that wait for labels (default 16777216)",
     [](ServerConfig& c, std::string_view v) {
       return set_number(c.feedback.bytes, v, std::size_t{4096}, std::size_t{1} << 36);
     }},
    {"--feedback-keep-s", "SECONDS", "for which a label may come (default 86400)",
     [](ServerConfig& c, std::string_view v) {
       std::uint32_t seconds = 0;
       const Status s = set_number(seconds, v, 1U, 366U * 86'400U);
       if (s.ok()) c.feedback.keep = std::chrono::seconds(seconds);
       return s;
     }},
    {"--feedback-slot-s", "SECONDS", "of a slot of time that quality is known by (default 600)",
     [](ServerConfig& c, std::string_view v) {
       std::uint32_t seconds = 0;
       const Status s = set_number(seconds, v, 1U, 86'400U);
       if (s.ok()) c.feedback.slot = std::chrono::seconds(seconds);
       return s;
     }},
};

}  // namespace

std::span<const Flag> drift_flags() { return kDriftFlags; }

}  // namespace mlops
