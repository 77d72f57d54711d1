#include "model/pbtxt.h"

#include <gtest/gtest.h>

namespace mlops {
namespace {

// The tree in one line: name=word, name="text", name{...}.
std::string flat(const ConfigValue& value) {
  std::string text;
  for (const ConfigField& field : value.fields) {
    if (!text.empty()) text += ' ';
    text += field.name;
    switch (field.value.kind) {
      case ConfigValue::Kind::word:
        text += "=" + field.value.text;
        break;
      case ConfigValue::Kind::text:
        text += "=\"" + field.value.text + "\"";
        break;
      case ConfigValue::Kind::message:
        text += "{" + flat(field.value) + "}";
    }
  }
  return text;
}

std::string parsed(std::string_view text) {
  const Result<ConfigValue> tree = parse_pbtxt(text);
  return tree.ok() ? flat(*tree) : "error: " + tree.status().message();
}

TEST(Pbtxt, ReadsWhatModelConfigurationsAreMadeOf) {
  EXPECT_EQ(parsed("name: \"flights\"\nmax_batch_size: 8\n"
                   "input [ { name: 'x' dims: [ 2, -1 ] }, { name: 'y' } ]"),
            "name=\"flights\" max_batch_size=8 input{name=\"x\" dims=2 dims=-1} input{name=\"y\"}");
}

TEST(Pbtxt, TakesEveryWayToWriteAMessageAndASeparator) {
  EXPECT_EQ(parsed("a { x: 1 } a: { x: 2 }, a < x: 3; > ; a: <x: 4,>"),
            "a{x=1} a{x=2} a{x=3} a{x=4}");
  EXPECT_EQ(parsed("a: [{x: 1}, <x: 2>] b: [] c { }"), "a{x=1} a{x=2} c{}");
}

TEST(Pbtxt, SkipsComments) {
  EXPECT_EQ(parsed("# one\na: 1 # two\n# \"three\n b: '#'"), "a=1 b=\"#\"");
}

TEST(Pbtxt, JoinsAndDecodesStrings) {
  EXPECT_EQ(parsed(R"(a: "x" 'y'
                      "z")"),
            "a=\"xyz\"");
  EXPECT_EQ(parsed(R"(a: "\x41\101\u0042\U0001F600\n\\\"\'")"), "a=\"AAB\xF0\x9F\x98\x80\n\\\"'\"");
}

TEST(Pbtxt, KeepsNumbersAsTheyAreWritten) {
  EXPECT_EQ(parsed("a: -1 b: - 2 c: 1.5e-3 d: 0x1F e: -inf f: 2.f g: 1e+5"),
            "a=-1 b=-2 c=1.5e-3 d=0x1F e=-inf f=2.f g=1e+5");
}

TEST(Pbtxt, SaysWhereTheMistakeIs) {
  EXPECT_EQ(parsed("a: 1\n  b 2"), "error: line 2, column 5: expected ':' after 'b', found '2'");
  EXPECT_EQ(parsed("a {\n x: 1"), "error: line 2, column 6: '}' is missing");
  EXPECT_EQ(parsed("a: 'x"), "error: line 1, column 4: the string does not end");
  EXPECT_EQ(parsed("a: 'x\n'"), "error: line 1, column 4: the string does not end on its line");
  EXPECT_EQ(parsed("a: [1 2]"),
            "error: line 1, column 7: expected ',' or ']' in the list, found '2'");
  EXPECT_EQ(parsed("a { x: 1 >"),
            "error: line 1, column 10: expected the name of a field, found '>'");
  EXPECT_EQ(parsed("[ext]: 1"), "error: line 1, column 1: expected the name of a field, found '['");
  EXPECT_EQ(parsed("a: \x01"), "error: line 1, column 4: unexpected byte 1");
  EXPECT_EQ(parsed("a:"),
            "error: line 1, column 3: expected a value for 'a', found the end of the text");
  EXPECT_EQ(parsed("a: '\\q'"), "error: line 1, column 5: unknown escape in the string");
  EXPECT_EQ(parsed("a: '\\777'"), "error: line 1, column 6: the escape is larger than a byte");
  EXPECT_EQ(parsed("a: '\\uD800'"), "error: line 1, column 7: the escape stands for no character");
}

TEST(Pbtxt, IsBounded) {
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "a{";
  EXPECT_EQ(parsed(deep), "error: line 1, column 67: nested deeper than 32 levels");
  std::string wide;
  for (int i = 0; i < 70'000; ++i) wide += "a:1 ";
  EXPECT_NE(parsed(wide).find("more than 65536 values"), std::string::npos);
  EXPECT_NE(parsed(std::string((1 << 20) + 1, ' ')).find("longer than"), std::string::npos);
}

TEST(Pbtxt, KnowsThePlaceOfEachValue) {
  const Result<ConfigValue> tree = parse_pbtxt("a: 1\n  b: 2");
  ASSERT_TRUE(tree.ok());
  EXPECT_EQ(tree->fields[1].value.place.to_string(), "line 2, column 6");
}

}  // namespace
}  // namespace mlops
