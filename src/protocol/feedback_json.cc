#include "protocol/feedback_json.h"

#include <array>
#include <charconv>
#include <cmath>

#include "protocol/json_cursor.h"
#include "protocol/json_fields.h"
#include "protocol/json_writer.h"

namespace mlops {
namespace {

Status wrong_item(std::size_t index, const std::string& why) {
  return Status::invalid_argument("feedback " + std::to_string(index) + " " + why);
}

bool read_feedback_value(JsonCursor& json, double& value) {
  const JsonKind kind = json.peek();
  if (kind == JsonKind::boolean) {
    value = json.boolean() ? 1 : 0;
    return true;
  }
  if (kind != JsonKind::number) return false;
  const std::string_view token = json.number();
  const auto [stop, error] = std::from_chars(token.data(), token.data() + token.size(), value);
  return error == std::errc() && stop == token.data() + token.size() && std::isfinite(value);
}

// An item of the array; `index` is its place, for whoever is told what is wrong.
Status read_item(JsonCursor& json, std::size_t index, Feedback& item) {
  if (json.peek() != JsonKind::object) return wrong_item(index, "is no object");
  bool has_id = false;
  bool has_label = false;
  bool has_reward = false;
  bool corrects = false;
  std::string_view key;
  for (json.enter_object(); json.next_key(key);) {
    if (key == "id") {
      if (json.peek() != JsonKind::string || has_id) return wrong_item(index, "has no one 'id'");
      item.id = json.string();
      has_id = true;
    } else if (key == "label" || key == "reward") {
      const bool label = key == "label";
      if (has_label || has_reward) return wrong_item(index, "has more than one value");
      if (!read_feedback_value(json, item.value))
        return wrong_item(index, "has a value that is no number");
      has_label = label;
      has_reward = !label;
    } else if (key == "correction") {
      if (json.peek() != JsonKind::boolean)
        return wrong_item(index, "has a 'correction' that is no truth value");
      corrects = json.boolean();
    } else {
      return wrong_item(index, "has a member that is none of id, label, reward and correction");
    }
  }
  if (!json.ok()) return json.status();
  if (item.id.empty() || item.id.size() > kFeedbackIdBytesMax) {
    return wrong_item(index, "needs an 'id' of 1 to 1024 bytes");
  }
  if (!has_label && !has_reward) return wrong_item(index, "needs a 'label' or a 'reward'");
  if (corrects && has_reward)
    return wrong_item(index, "corrects a reward; only labels are corrected");
  item.kind = has_reward ? FeedbackKind::reward
              : corrects ? FeedbackKind::correction
                         : FeedbackKind::label;
  return {};
}

void quality_number(JsonWriter& json, std::string_view key, double value) {
  json.key(key);
  if (std::isfinite(value)) {
    json.number(value);
  } else {
    json.null();
  }
}

void write_classes(JsonWriter& json, const Quality& quality) {
  quality_number(json, "accuracy", quality.accuracy());
  json.key("confusion").array();  // by label, then by prediction
  for (std::int32_t label = 0; label < quality.classes(); ++label) {
    json.array();
    for (std::int32_t predicted = 0; predicted < quality.classes(); ++predicted) {
      json.integer(static_cast<std::int64_t>(quality.confusion(label, predicted)));
    }
    json.end_array();
  }
  json.end_array();
}

void write_binary(JsonWriter& json, const QualityView& view) {
  const Quality& quality = view.realised.quality;
  quality_number(json, "precision", quality.precision(1));
  quality_number(json, "recall", quality.recall(1));
  quality_number(json, "f1", quality.f1(1));
  quality_number(json, "log_loss", quality.log_loss());
  quality_number(json, "brier", quality.brier());
  const Bounds auroc = quality.auroc();
  quality_number(json, "auroc_low", auroc.low);
  quality_number(json, "auroc_high", auroc.high);
  const Expectation& expected = view.realised.expected;
  json.key("expected").object();
  quality_number(json, "accuracy", expected.accuracy());
  quality_number(json, "precision", expected.precision());
  quality_number(json, "recall", expected.recall());
  quality_number(json, "f1", expected.f1());
  json.end_object();
  json.key("calibration").object();
  json.key("labels").integer(static_cast<std::int64_t>(view.calibration.count()));
  quality_number(json, "log_wealth", view.calibration.log_wealth());
  quality_number(json, "log_wealth_max", view.calibration.log_wealth_max());
  json.key("gone_wrong").boolean(view.calibration.gone_wrong(kCalibrationAlpha));
  json.end_object();
}

}  // namespace

Result<std::vector<Feedback>> parse_feedback(std::string_view text) {
  JsonCursor json(text, kSettingsDepthMax);
  std::vector<Feedback> items;
  bool seen = false;
  std::string_view key;
  if (json.peek() != JsonKind::object) {
    return Status::invalid_argument("the body is no JSON object with 'feedback'");
  }
  for (json.enter_object(); json.next_key(key);) {
    if (key != "feedback" || seen || json.peek() != JsonKind::array) {
      return Status::invalid_argument("the body has one member, the array 'feedback'");
    }
    seen = true;
    for (json.enter_array(); json.next_element();) {
      if (items.size() == kFeedbackItemsMax) {
        return Status::invalid_argument("more than " + std::to_string(kFeedbackItemsMax) +
                                        " items in one body");
      }
      Feedback item;
      if (Status s = read_item(json, items.size(), item); !s.ok()) return s;
      items.push_back(std::move(item));
    }
  }
  json.finish();
  if (!json.ok()) return json.status();
  if (!seen) return Status::invalid_argument("the body has no 'feedback'");
  return items;
}

std::string feedback_json(std::span<const Joined> results) {
  std::array<std::int64_t, kJoinedKinds> counts{};
  JsonWriter json;
  json.object().key("results").array();
  for (const Joined joined : results) {
    ++counts[static_cast<std::size_t>(joined)];
    json.string(name_of(joined));
  }
  json.end_array();
  for (std::size_t kind = 0; kind < kJoinedKinds; ++kind) {
    json.key(name_of(static_cast<Joined>(kind))).integer(counts[kind]);
  }
  return json.end_object().take();
}

std::string quality_json(const QualityView& view) {
  constexpr std::array<std::string_view, 3> kTasks{"binary", "classes", "regression"};
  const RealisedQuality& realised = view.realised;
  const Quality& quality = realised.quality;
  JsonWriter json;
  json.object().key("task").string(kTasks[static_cast<std::size_t>(view.task)]);
  json.key("predictions").integer(static_cast<std::int64_t>(realised.predictions));
  json.key("labels").integer(static_cast<std::int64_t>(quality.count()));
  quality_number(json, "coverage", realised.coverage());
  for (const auto& [name, level] :
       {std::pair("delay_p50", 0.5), std::pair("delay_p90", 0.9), std::pair("delay_p99", 0.99)}) {
    quality_number(json, name, static_cast<double>(realised.delay_ms.quantile(level)) / 1e3);
  }
  if (view.task == Task::regression) {
    quality_number(json, "bias", quality.bias());
    quality_number(json, "mae", quality.mean_absolute_error());
    quality_number(json, "mse", quality.mean_squared_error());
    quality_number(json, "r2", quality.r_squared());
  } else {
    write_classes(json, quality);
  }
  if (view.task == Task::binary) write_binary(json, view);
  json.key("rewards").integer(static_cast<std::int64_t>(realised.rewards));
  quality_number(json, "reward_sum", realised.reward_sum);
  return json.end_object().take();
}

}  // namespace mlops
