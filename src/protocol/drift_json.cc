#include "protocol/drift_json.h"

#include <charconv>
#include <cmath>

#include "observe/stream_comparer.h"
#include "protocol/json_writer.h"

namespace mlops {
namespace {

// What is not finite has no form in JSON, and is left out.
void number(JsonWriter& json, std::string_view key, double value) {
  if (std::isfinite(value)) json.key(key).number(value);
}

void write_name(JsonWriter& json, const StreamReference& stream) {
  json.key("name").string(stream.name.label);
  json.key("role").string(stream.name.role == StreamRole::input ? "input" : "output");
  json.key("tensor").string(stream.name.tensor);
  json.key("column").integer(stream.name.column);
  const bool numeric = stream.counts.kind == StreamKind::numeric;
  json.key("kind").string(numeric ? "numeric" : "categorical");
}

void write_counts(JsonWriter& json, const StreamCounts& counts) {
  constexpr std::string_view kNames[kOwnMasses] = {
      "missing",     "negative_infinity", "positive_infinity", "below_range",
      "above_range", "other_category",    "new_category"};
  json.key("rows").integer(static_cast<std::int64_t>(counts.rows()));
  json.key("bins").array();
  for (const std::uint64_t mass : counts.regular()) json.integer(static_cast<std::int64_t>(mass));
  json.end_array();
  for (std::size_t i = 0; i < kOwnMasses; ++i) {
    const std::uint64_t mass = counts.own(static_cast<OwnMass>(i));
    if (mass > 0) json.key(kNames[i]).integer(static_cast<std::int64_t>(mass));
  }
  if (counts.moments.n == 0) return;
  number(json, "min", static_cast<double>(counts.moments.min));
  number(json, "max", static_cast<double>(counts.moments.max));
}

void write_distances(JsonWriter& json, const StreamComparison& compared) {
  json.key("distances").object();
  number(json, "psi", compared.nominal.psi);
  number(json, "psi_debiased", compared.nominal.psi_debiased);
  number(json, "js_distance", compared.nominal.js_distance());
  number(json, "hellinger", compared.nominal.hellinger);
  number(json, "cramers_v", compared.nominal.cramers_v);
  number(json, "linf", compared.nominal.linf);
  if (compared.kind == StreamKind::numeric) {
    number(json, "ks", compared.ordered.ks);
    number(json, "ks_upper", compared.ordered.ks_upper);
    number(json, "w1", compared.ordered.w1);
    number(json, "w1_per_iqr", compared.w1_per_iqr);
    number(json, "mean_difference", compared.moments.mean_difference);
  }
  json.end_object();
}

}  // namespace

Result<Duration> parse_span(std::string_view text) {
  std::int64_t count = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, count);
  std::int64_t seconds = 0;
  if (error == std::errc() && end - stop == 1) {
    constexpr std::string_view kUnits = "smhd";
    constexpr std::int64_t kSeconds[] = {1, 60, 3600, 86400};
    const std::size_t unit = kUnits.find(*stop);
    if (unit != std::string_view::npos) seconds = kSeconds[unit];
  }
  constexpr std::int64_t kYear = std::int64_t{366} * 86400;
  if (seconds == 0 || count <= 0 || count > kYear / seconds) {
    return Status::invalid_argument(
        "a span is a whole number and s, m, h or d, of at most a year: 15m");
  }
  return Duration(std::chrono::seconds(count * seconds));
}

std::string drift_json(const DriftSnapshot& snapshot) {
  JsonWriter json;
  json.object();
  if (!snapshot.reference) {
    json.key("collecting").boolean(true);
    json.key("rows_collected").integer(static_cast<std::int64_t>(snapshot.rows_collected));
    return json.end_object().take();
  }
  json.key("collecting").boolean(false);
  json.key("reference").string(snapshot.reference->id);
  json.key("rows_seen").integer(static_cast<std::int64_t>(snapshot.window.rows_seen));
  json.key("streams").array();
  const ReferenceComparerPtr comparer =
      snapshot.comparer ? snapshot.comparer : comparer_of(*snapshot.reference);
  for (std::size_t i = 0; i < snapshot.reference->streams.size(); ++i) {
    const StreamReference& stream = snapshot.reference->streams[i];
    json.object();
    write_name(json, stream);
    write_counts(json, snapshot.window.counts[i]);
    write_distances(json, (*comparer)[i].compare(snapshot.window.counts[i]));
    json.end_object();
  }
  return json.end_array().end_object().take();
}

}  // namespace mlops
