#include "model/pbtxt.h"

#include "model/pbtxt_tokens.h"

namespace mlops {
namespace {

using Kind = PbtxtToken::Kind;

class Parser {
 public:
  Parser(std::string_view text, const ConfigLimits& limits) : tokens_(text), limits_(limits) {}

  Result<ConfigValue> parse() {
    ConfigValue root;
    root.place = {1, 1};
    if (Status s = tokens_.advance(); !s.ok()) return s;
    if (Status s = read_fields('\0', root, 0); !s.ok()) return s;
    return root;
  }

 private:
  bool at_symbol(char symbol) const {
    return tokens_.current().kind == Kind::symbol && tokens_.current().symbol == symbol;
  }
  bool at_message() const { return at_symbol('{') || at_symbol('<'); }

  Status fail(const std::string& what) const {
    return Status::invalid_argument(tokens_.current().place.to_string() + ": " + what);
  }

  std::string found() const {
    switch (tokens_.current().kind) {
      case Kind::end:
        return "the end of the text";
      case Kind::symbol:
        return "'" + std::string(1, tokens_.current().symbol) + "'";
      case Kind::text:
        return "a string";
      case Kind::word:
        break;
    }
    return "'" + tokens_.current().text.substr(0, 64) + "'";
  }

  // Fields up to `close` ('\0': the end of the text), which is consumed.
  Status read_fields(char close, ConfigValue& into, std::size_t depth) {
    if (depth > limits_.depth_max) {
      return fail("nested deeper than " + std::to_string(limits_.depth_max) + " levels");
    }
    for (;;) {
      const bool end = tokens_.current().kind == Kind::end;
      if (close == '\0' && end) return {};
      if (close != '\0' && at_symbol(close)) return tokens_.advance();
      if (end) return fail(std::string("'") + close + "' is missing");
      if (Status s = read_field(into, depth); !s.ok()) return s;
      if (at_symbol(',') || at_symbol(';')) {
        if (Status s = tokens_.advance(); !s.ok()) return s;
      }
    }
  }

  Status read_field(ConfigValue& into, std::size_t depth) {
    if (tokens_.current().kind != Kind::word) {
      return fail("expected the name of a field, found " + found());
    }
    const std::string name = tokens_.current().text;
    const char first = name.front();
    if ((first >= '0' && first <= '9') || first == '-' || first == '+' || first == '.') {
      return fail("expected the name of a field, found " + found());
    }
    if (Status s = tokens_.advance(); !s.ok()) return s;
    const bool colon = at_symbol(':');
    if (colon) {
      if (Status s = tokens_.advance(); !s.ok()) return s;
    }
    if (at_symbol('[')) return read_list(name, colon, into, depth);
    if (!colon && !at_message()) return fail("expected ':' after '" + name + "', found " + found());
    return read_value(name, into, depth);
  }

  // The elements become fields of the same name. Without a colon they are messages.
  Status read_list(const std::string& name, bool colon, ConfigValue& into, std::size_t depth) {
    if (Status s = tokens_.advance(); !s.ok()) return s;
    if (at_symbol(']')) return tokens_.advance();
    for (;;) {
      if (!colon && !at_message()) return fail("expected '{' in the list, found " + found());
      if (Status s = read_value(name, into, depth); !s.ok()) return s;
      if (at_symbol(']')) return tokens_.advance();
      if (!at_symbol(',')) return fail("expected ',' or ']' in the list, found " + found());
      if (Status s = tokens_.advance(); !s.ok()) return s;
    }
  }

  Status read_value(const std::string& name, ConfigValue& into, std::size_t depth) {
    if (++nodes_ > limits_.nodes_max) {
      return fail("more than " + std::to_string(limits_.nodes_max) + " values");
    }
    ConfigValue value;
    value.place = tokens_.current().place;
    Status status;
    if (at_message()) {
      const char close = at_symbol('{') ? '}' : '>';
      status = tokens_.advance();
      if (status.ok()) status = read_fields(close, value, depth + 1);
    } else if (tokens_.current().kind == Kind::text) {
      status = read_text(value);
    } else if (tokens_.current().kind == Kind::word) {
      value.kind = ConfigValue::Kind::word;
      value.text = tokens_.current().text;
      status = tokens_.advance();
    } else {
      status = fail("expected a value for '" + name + "', found " + found());
    }
    if (status.ok()) into.fields.push_back({name, std::move(value)});
    return status;
  }

  // Literals that follow one another are one string.
  Status read_text(ConfigValue& value) {
    value.kind = ConfigValue::Kind::text;
    while (tokens_.current().kind == Kind::text) {
      value.text += tokens_.current().text;
      if (Status s = tokens_.advance(); !s.ok()) return s;
    }
    return {};
  }

  PbtxtTokens tokens_;
  const ConfigLimits& limits_;
  std::size_t nodes_ = 0;
};

}  // namespace

Result<ConfigValue> parse_pbtxt(std::string_view text, const ConfigLimits& limits) {
  if (text.size() > limits.bytes_max) {
    return Status::invalid_argument("the text is longer than " + std::to_string(limits.bytes_max) +
                                    " bytes");
  }
  return Parser(text, limits).parse();
}

}  // namespace mlops
