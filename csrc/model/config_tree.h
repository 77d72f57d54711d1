#pragma once
// A configuration as text wrote it, before anybody knows what its names mean: fields in order, each
// with a value that is a word (number, enum, bool), a text (a quoted string) or a message. A list
// is a field that is there several times; an entry of a map is a message with the fields key and
// value. Both pbtxt.h and the JSON reader of src/protocol make it, so that what follows exists
// once.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace mlops {

struct ConfigPlace {
  std::uint32_t line = 0;  // from 1; 0: not known
  std::uint32_t column = 0;

  std::string to_string() const {
    return "line " + std::to_string(line) + ", column " + std::to_string(column);
  }
};

struct ConfigField;

struct ConfigValue {
  enum class Kind : std::uint8_t { word, text, message };
  Kind kind = Kind::message;
  std::string text;  // of a word, as written; of a text, decoded
  std::vector<ConfigField> fields;
  ConfigPlace place;
};

struct ConfigField {
  std::string name;
  ConfigValue value;
};

// What a reader of outside text holds to. The depth also bounds the recursion of everything that
// walks a tree.
struct ConfigLimits {
  std::size_t bytes_max = std::size_t{1} << 20;
  std::size_t nodes_max = 65'536;
  std::size_t depth_max = 32;
};

}  // namespace mlops
