#pragma once
// Pulls values out of JSON text in the order they come, without building anything.
//
//   JsonCursor json(text, depth_max);
//   for (json.enter_object(); json.next_key(key);) {
//     if (key == "id") id = json.string(); else json.skip();
//   }
//   json.finish();
//   if (!json.status().ok()) ...
//
// Errors are sticky: after the first, nothing is consumed, loops end and values are empty. The
// nesting depth is bounded and recursion is not used, so hostile text costs no stack. Views
// returned by key and string are into the text, or, when they had escapes, valid until the next
// call.

#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"

namespace mlops {

enum class JsonKind : std::uint8_t { object, array, string, number, boolean, null, bad };

class JsonCursor {
 public:
  static constexpr std::size_t kDepthMax = 128;

  JsonCursor(std::string_view text, std::size_t depth_max);

  JsonKind peek();  // what the next value is, judged by its first character

  bool enter_object();
  bool next_key(std::string_view& key);  // false behind the closing brace
  bool enter_array();
  bool next_element();  // false behind the closing bracket

  std::string_view string();
  std::string_view number();  // the token as it is written
  bool boolean();
  void skip();    // the next value, whatever it is; checks its syntax
  void finish();  // nothing but white space may follow

  // For readers of their own that take over at a value (json_data.h) and give back behind it.
  const char* at() const { return at_; }
  const char* end() const { return end_; }
  void resume_at(const char* at) { at_ = at; }
  std::size_t offset() const { return static_cast<std::size_t>(at_ - begin_); }
  std::size_t depth_left() const { return depth_max_ - depth_; }

  // True when `view` points into the text, and so lives as long as it.
  bool owns(std::string_view view) const { return view.data() >= begin_ && view.data() <= end_; }

  bool ok() const { return status_.ok(); }
  const Status& status() const { return status_; }
  void fail(Status status);
  void fail_syntax();  // "failed to parse the request JSON at offset N"

 private:
  bool enter(bool object);
  bool next(char close);
  bool accept(std::string_view word);

  const char* begin_;
  const char* at_;
  const char* end_;
  std::size_t depth_max_;
  std::size_t depth_ = 0;
  std::bitset<kDepthMax> is_object_;  // by depth
  bool first_ = false;                // the container just entered has given nothing yet
  std::string decoded_;
  Status status_;
};

Status json_too_deep(std::size_t depth_max);

}  // namespace mlops
