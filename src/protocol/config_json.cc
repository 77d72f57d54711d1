#include "protocol/config_json.h"

#include <algorithm>
#include <array>

#include "protocol/json_cursor.h"

namespace mlops {
namespace {

// JSON writes these as objects whose keys are data; the text form has entries with key and value.
constexpr std::array<std::string_view, 7> kMaps = {
    "parameters", "metric_tags", "cc_model_filenames",   "input_map",
    "output_map", "inputs",      "priority_queue_policy"};

std::string snake_case(std::string_view name) {
  std::string made;
  for (const char c : name) {
    const bool upper = c >= 'A' && c <= 'Z';
    if (upper && !made.empty()) made.push_back('_');
    made.push_back(upper ? static_cast<char>(c - 'A' + 'a') : c);
  }
  return made;
}

class Reader {
 public:
  Reader(std::string_view text, const ConfigLimits& limits)
      : text_(text), json_(text, limits.depth_max), nodes_left_(limits.nodes_max) {}

  Result<ConfigValue> read() {
    ConfigValue root;
    root.place = {1, 1};
    if (json_.peek() != JsonKind::object) return not_an_object();
    read_object(root);
    json_.finish();
    if (!json_.ok()) return json_.status();
    return root;
  }

 private:
  Status not_an_object() const {
    return Status::invalid_argument("the configuration is not a JSON object");
  }

  // Places are asked for in order, so each byte is looked at once.
  ConfigPlace place() {
    for (; counted_ < json_.offset(); ++counted_) {
      if (text_[counted_] == '\n') {
        ++place_.line;
        place_.column = 1;
      } else {
        ++place_.column;
      }
    }
    return place_;
  }

  // `of` is the object's own name.
  void read_object(ConfigValue& into, std::string_view of = {}) {
    std::string_view key;
    for (json_.enter_object(); json_.next_key(key);) {
      const std::string name = snake_case(key);
      const bool of_graph = of == "graph_spec" || of == "graph_lower_bound";
      const bool is_map = std::ranges::count(kMaps, name) > 0 || (of_graph && name == "input");
      if (is_map && json_.peek() == JsonKind::object) {
        read_map(name, into);
      } else {
        read_member(name, into);
      }
    }
  }

  void read_map(const std::string& name, ConfigValue& into) {
    std::string_view key;
    for (json_.enter_object(); json_.next_key(key);) {
      ConfigValue entry;
      entry.place = place();
      ConfigValue key_value;
      key_value.kind = ConfigValue::Kind::text;
      key_value.text = std::string(key);
      key_value.place = entry.place;
      entry.fields.push_back({"key", std::move(key_value)});
      read_member("value", entry);
      into.fields.push_back({name, std::move(entry)});
    }
  }

  // An array becomes a field that is there several times.
  void read_member(const std::string& name, ConfigValue& into) {
    if (json_.peek() == JsonKind::null) return json_.skip();
    if (json_.peek() != JsonKind::array) return read_value(name, into);
    for (json_.enter_array(); json_.next_element();) {
      if (json_.peek() == JsonKind::array) {
        return json_.fail(Status::invalid_argument(place().to_string() + ": a list in a list"));
      }
      read_value(name, into);
    }
  }

  void read_value(const std::string& name, ConfigValue& into) {
    if (nodes_left_-- == 0) return json_.fail(Status::invalid_argument("too many values"));
    ConfigValue value;
    value.place = place();
    switch (json_.peek()) {
      case JsonKind::object:
        read_object(value, name);
        break;
      case JsonKind::string:
        value.kind = ConfigValue::Kind::text;
        value.text = std::string(json_.string());
        break;
      case JsonKind::number:
        value.kind = ConfigValue::Kind::word;
        value.text = std::string(json_.number());
        break;
      case JsonKind::boolean:
        value.kind = ConfigValue::Kind::word;
        value.text = json_.boolean() ? "true" : "false";
        break;
      default:
        return json_.fail_syntax();
    }
    if (json_.ok()) into.fields.push_back({name, std::move(value)});
  }

  std::string_view text_;
  JsonCursor json_;
  std::size_t nodes_left_;
  std::size_t counted_ = 0;
  ConfigPlace place_{1, 1};
};

}  // namespace

Result<ConfigValue> parse_config_json(std::string_view text, const ConfigLimits& limits) {
  if (text.size() > limits.bytes_max) {
    return Status::invalid_argument("the configuration is longer than " +
                                    std::to_string(limits.bytes_max) + " bytes");
  }
  return Reader(text, limits).read();
}

}  // namespace mlops
