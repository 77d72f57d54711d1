#pragma once
// Small JSON documents, written in order. The caller opens and closes; the writer puts the commas.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "protocol/json_text.h"

namespace mlops {

class JsonWriter {
 public:
  JsonWriter& object() { return open('{'); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& array() { return open('['); }
  JsonWriter& end_array() { return close(']'); }

  JsonWriter& key(std::string_view name) {
    comma();
    append_json_string(text_, name);
    text_.push_back(':');
    fresh_ = true;
    return *this;
  }
  JsonWriter& string(std::string_view value) {
    comma();
    append_json_string(text_, value);
    return *this;
  }
  JsonWriter& integer(std::int64_t value) {
    comma();
    append_json_integer(text_, value);
    return *this;
  }
  JsonWriter& number(double value) {
    comma();
    append_json_value(text_, ParameterValue(value));
    return *this;
  }
  JsonWriter& boolean(bool value) {
    comma();
    text_.append(value ? "true" : "false");
    return *this;
  }
  JsonWriter& null() {
    comma();
    text_.append("null");
    return *this;
  }
  template <class Integers>
  JsonWriter& integers(const Integers& values) {
    array();
    for (const auto value : values) integer(value);
    return end_array();
  }

  std::string take() { return std::move(text_); }

 private:
  JsonWriter& open(char bracket) {
    comma();
    text_.push_back(bracket);
    fresh_ = true;
    return *this;
  }
  JsonWriter& close(char bracket) {
    text_.push_back(bracket);
    fresh_ = false;
    return *this;
  }
  void comma() {
    if (!fresh_) text_.push_back(',');
    fresh_ = false;
  }

  std::string text_;
  bool fresh_ = true;  // nothing precedes the next value here: it takes no comma
};

}  // namespace mlops
