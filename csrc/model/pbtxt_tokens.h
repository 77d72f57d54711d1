#pragma once
// The tokens of protobuf's text format. Part of pbtxt.h.

#include <string>
#include <string_view>

#include "base/status.h"
#include "model/config_tree.h"

namespace mlops {

struct PbtxtToken {
  enum class Kind : std::uint8_t { end, word, text, symbol };
  Kind kind = Kind::end;
  char symbol = 0;
  std::string text;  // of a word, as written; of a text, one literal, decoded
  ConfigPlace place;
};

class PbtxtTokens {
 public:
  explicit PbtxtTokens(std::string_view text) : text_(text) {}

  const PbtxtToken& current() const { return token_; }
  Status advance();  // to the next token; the first call makes the first one current

 private:
  bool at_end() const { return at_ == text_.size(); }
  char peek() const { return at_end() ? '\0' : text_[at_]; }
  void step();
  void skip_space();
  Status fail(const ConfigPlace& place, const std::string& what) const;
  void read_word();
  Status read_text();
  Status read_escape();
  Status read_number_escape(unsigned base, int digits_max);
  Status read_unicode(int digits);

  std::string_view text_;
  std::size_t at_ = 0;
  ConfigPlace place_{1, 1};
  PbtxtToken token_;
};

}  // namespace mlops
