// The cursor against RapidJSON, which was written by other people: what one accepts, so must the
// other.
#include "protocol/json_cursor.h"

#include <gtest/gtest.h>

#include <random>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include "json_reference.h"
#include "protocol/json_scan.h"

namespace mlops {
namespace {

using testing::rapidjson_accepts;

bool cursor_accepts(std::string_view text, std::size_t depth_max = 100) {
  JsonCursor json(text, depth_max);
  json.skip();
  json.finish();
  return json.ok();
}

// One text a line.
constexpr std::string_view kTexts = R"~({}
[]
[1,]
[,1]
{"a":1,}
{"a"}
{"a":}
{1:2}
[1 2]
[1,2,3]
01
-01
1.
.5
1.e5
1e
1e+
1e5
1E-5
-
+1
-0
0.0
NaN
-NaN
Inf
Infinity
-Infinity
nan
Infinit
true
false
null
tru
truex
""
"a
"\""
"\x"
"\u12"
"\u0041"
"\ud83d\ude00"
"\ud83d"
"\ud83dx"
"\ud83d\u0041"
 [ ] 
[[]
[]]
{}{}
{"a":[1,{"b":null}],"c":"\n"}
{"a":1 "b":2}
{"a" 1}
[1e5,1E+5,0.1e-1]
[1.5.5]
--1
[0x10]
'a'
[-]
"\
["
	"	"
)~";

const std::vector<std::string>& interesting() {
  static const std::vector<std::string> kSplit = [] {
    std::vector<std::string> texts;
    std::istringstream lines{std::string(kTexts)};
    for (std::string line; std::getline(lines, line);) texts.push_back(line);
    texts.emplace_back();
    return texts;
  }();
  return kSplit;
}

TEST(JsonCursor, AcceptsWhatRapidJsonAccepts) {
  for (const std::string& text : interesting()) {
    EXPECT_EQ(cursor_accepts(text), rapidjson_accepts(text)) << text;
  }
}

TEST(JsonCursor, RefusesLoneLowSurrogatesThatRapidJsonTurnsIntoInvalidUtf8) {
  EXPECT_FALSE(cursor_accepts("\"\\ude00\""));
  EXPECT_TRUE(rapidjson_accepts("\"\\ude00\""));
}

// Text that RapidJSON judges by more than JSON's grammar: it takes half a surrogate pair, and
// fractions and exponents of infinity; it refuses numbers that a double cannot hold.
bool is_known_quirk(const std::string& text) {
  static const std::regex kQuirk(
      "\\\\u[dD][c-fC-F]|(NaN|Inf|Infinity)[.eE0-9]|Na?I|[eE][+]?[0-9]{3}");
  return std::regex_search(text, kQuirk);
}

TEST(JsonCursor, AgreesWithRapidJsonOnMutatedText) {
  std::mt19937 random(20260101);
  const std::string alphabet = "{}[]\",:0123456789.eE+-\\utrfalsenNaIy \n";
  std::size_t accepted = 0;
  for (int round = 0; round < 200'000; ++round) {
    std::string text = interesting()[random() % interesting().size()];
    if (random() % 2)
      text = "[" + text + "," + interesting()[random() % interesting().size()] + "]";
    for (auto edits = random() % 3; edits > 0 && !text.empty(); --edits) {
      const std::size_t at = random() % text.size();
      switch (random() % 3) {
        case 0:
          text[at] = alphabet[random() % alphabet.size()];
          break;
        case 1:
          text.erase(at, 1);
          break;
        default:
          text.insert(at, 1, alphabet[random() % alphabet.size()]);
      }
    }
    const bool expected = rapidjson_accepts(text);
    accepted += expected;
    if (is_known_quirk(text)) continue;
    ASSERT_EQ(cursor_accepts(text), expected) << text;
  }
  EXPECT_GT(accepted, 20'000u);
}

TEST(JsonCursor, GivesValuesInTheOrderOfTheText) {
  JsonCursor json(R"( {"a":[1,-2.5e3],"b":{"c":"x\ny"},"d":true,"e":null} )", 100);
  std::string seen;
  std::string_view key;
  for (json.enter_object(); json.next_key(key);) {
    seen.append(key).append("=");
    if (key == "a") {
      for (json.enter_array(); json.next_element();) seen.append(json.number()).append(";");
    } else if (key == "b") {
      json.enter_object();
      ASSERT_TRUE(json.next_key(key));
      seen.append(json.string());
      ASSERT_FALSE(json.next_key(key));
    } else if (key == "d") {
      seen.append(json.boolean() ? "yes" : "no");
    } else {
      json.skip();
    }
    seen.append("|");
  }
  json.finish();
  EXPECT_TRUE(json.ok()) << json.status().message();
  EXPECT_EQ(seen, "a=1;-2.5e3;|b=x\ny|d=yes|e=|");
}

TEST(JsonCursor, PlainStringsAreViewsAndEscapedOnesAreNot) {
  const std::string text = R"(["plain","esc\u0061ped"])";
  JsonCursor json(text, 100);
  json.enter_array();
  ASSERT_TRUE(json.next_element());
  const std::string_view plain = json.string();
  EXPECT_EQ(plain, "plain");
  EXPECT_TRUE(json.owns(plain));
  ASSERT_TRUE(json.next_element());
  const std::string_view escaped = json.string();
  EXPECT_EQ(escaped, "escaped");
  EXPECT_FALSE(json.owns(escaped));
}

TEST(JsonCursor, DepthIsBounded) {
  EXPECT_TRUE(cursor_accepts(std::string(100, '[') + std::string(100, ']')));
  const std::string text(250'000, '[');
  JsonCursor deep(text, 100);
  deep.skip();
  EXPECT_EQ(deep.status().message(), "JSON nesting depth exceeds maximum allowed limit (100)");
}

TEST(JsonCursor, NothingMovesAfterAnError) {
  JsonCursor json("[1,x,2]", 100);
  json.enter_array();
  ASSERT_TRUE(json.next_element());
  EXPECT_EQ(json.number(), "1");
  ASSERT_TRUE(json.next_element());
  EXPECT_EQ(json.number(), "");
  EXPECT_EQ(json.status().message(), "failed to parse the request JSON at offset 3");
  EXPECT_FALSE(json.next_element());
  EXPECT_EQ(json.peek(), JsonKind::bad);
}

}  // namespace
}  // namespace mlops
