#include "protocol/shadow_json.h"

#include <cmath>

namespace mlops {
namespace {

void count(JsonWriter& json, std::string_view key, std::uint64_t value) {
  json.key(key).integer(static_cast<std::int64_t>(value));
}

// What is not finite has no form in JSON, and is left out.
void number(JsonWriter& json, std::string_view key, double value) {
  if (std::isfinite(value)) json.key(key).number(value);
}

void ratio(JsonWriter& json, std::string_view key, std::uint64_t part, std::uint64_t whole) {
  if (whole > 0) number(json, key, static_cast<double>(part) / static_cast<double>(whole));
}

void write_output(JsonWriter& json, const std::string& name, const OutputComparison& sum) {
  json.object().key("name").string(name);
  count(json, "answers", sum.answers);
  count(json, "unlike", sum.unlike);
  count(json, "equal", sum.equal);
  count(json, "values", sum.values);
  count(json, "within_tolerance", sum.within);
  count(json, "not_finite", sum.not_finite);
  if (sum.values > 0) {
    number(json, "difference_mean", sum.difference_sum / static_cast<double>(sum.values));
    number(json, "difference_max", sum.difference_max);
  }
  ratio(json, "best_same", sum.best_same, sum.ranked_rows);
  ratio(json, "best_5_shared", sum.best_shared, sum.best_possible);
  ratio(json, "order_same", sum.pairs_same, sum.pairs);
  number(json, "distribution_distance", sum.distance());
  json.end_object();
}

void write_values(JsonWriter& json, std::string_view key, const std::vector<double>& values) {
  json.key(key).array();
  for (const double value : values) {
    if (std::isfinite(value)) {
      json.number(value);
    } else {
      json.string(std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf");
    }
  }
  json.end_array();
}

void write_worst(JsonWriter& json, const Disagreement& seen) {
  json.object().key("request_id").string(seen.request_id).key("output").string(seen.output);
  number(json, "difference", seen.difference);
  write_values(json, "primary", seen.primary);
  write_values(json, "shadow", seen.shadow);
  json.end_object();
}

}  // namespace

void write_shadows_state(JsonWriter& json, const std::vector<ShadowStatus>& shadows) {
  json.key("shadows").array();
  for (const ShadowStatus& shadow : shadows) {
    json.object().key("version").integer(shadow.version);
    count(json, "offered", shadow.offered);
    count(json, "compared", shadow.compared);
    count(json, "failed", shadow.failed);
    count(json, "dropped_busy", shadow.dropped_busy);
    count(json, "dropped_full", shadow.dropped_full);
    count(json, "primary_ns", shadow.primary_ns);
    count(json, "shadow_ns", shadow.shadow_ns);
    json.key("last_failure").string(shadow.last_failure).key("outputs").array();
    for (const auto& [name, sum] : shadow.outputs) write_output(json, name, sum);
    json.end_array().key("worst").array();
    for (const Disagreement& seen : shadow.worst) write_worst(json, seen);
    json.end_array().end_object();
  }
  json.end_array();
}

}  // namespace mlops
