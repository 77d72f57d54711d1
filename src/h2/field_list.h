#pragma once
// The header fields of one block, in order: names and values lie in one string that keeps its
// memory. A list that grows too large stops keeping what comes.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mlops {

class FieldList {
 public:
  struct Field {
    std::string_view name;
    std::string_view value;
  };

  void clear(std::size_t bytes_max) {
    ends_.clear();
    text_.clear();
    bytes_ = 0;
    bytes_max_ = bytes_max;
  }
  void add(std::string_view name, std::string_view value) {
    bytes_ += name.size() + value.size() + 32;  // as HTTP/2 counts
    if (too_large()) return;
    text_.append(name).append(value);
    ends_.push_back({text_.size() - value.size(), text_.size()});
  }

  std::size_t size() const { return ends_.size(); }
  Field operator[](std::size_t index) const {
    const std::size_t begin = index == 0 ? 0 : ends_[index - 1].value;
    const std::string_view text = text_;
    return {text.substr(begin, ends_[index].name - begin),
            text.substr(ends_[index].name, ends_[index].value - ends_[index].name)};
  }
  std::size_t bytes() const { return bytes_; }
  bool too_large() const { return bytes_ > bytes_max_; }

 private:
  struct End {
    std::size_t name;
    std::size_t value;
  };
  std::vector<End> ends_;
  std::string text_;
  std::size_t bytes_ = 0;
  std::size_t bytes_max_ = 0;
};

}  // namespace mlops
