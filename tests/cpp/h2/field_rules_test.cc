// RFC 9113 section 8 as a table: the fields of a request, and whether it is well formed.

#include "h2/field_rules.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace mlops::testing {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

bool fits(const Fields& fields, FieldRules::Of of = FieldRules::Of::request) {
  FieldRules rules(of);
  for (const auto& [name, value] : fields) rules.field(name, value);
  return rules.complete();
}

// A good request with these fields behind it.
bool fits_behind(const Fields& more) {
  Fields fields = {{":method", "POST"}, {":scheme", "http"}, {":path", "/x"}, {":authority", "a"}};
  fields.insert(fields.end(), more.begin(), more.end());
  return fits(fields);
}

TEST(FieldRules, PseudoHeadersAreAllThereOnceAndFirst) {
  const std::pair<std::string, std::string> method{":method", "POST"}, scheme{":scheme", "http"},
      path{":path", "/x"}, authority{":authority", "a"}, host{"host", "a"};
  EXPECT_TRUE(fits({method, scheme, path, authority}));
  EXPECT_TRUE(fits({path, authority, scheme, method}));
  EXPECT_TRUE(fits({method, scheme, path, host}));
  EXPECT_FALSE(fits({}));
  EXPECT_FALSE(fits({scheme, path, authority}));
  EXPECT_FALSE(fits({method, path, authority}));
  EXPECT_FALSE(fits({method, scheme, authority}));
  EXPECT_FALSE(fits({method, scheme, path}));
  for (const auto& twice : {method, scheme, path, authority}) EXPECT_FALSE(fits_behind({twice}));
  EXPECT_FALSE(fits({method, scheme, path, {"x", "y"}, authority}));
  EXPECT_FALSE(fits_behind({{":status", "200"}}));
  EXPECT_FALSE(fits_behind({{":", "200"}}));
  EXPECT_FALSE(fits_behind({{":Path", "/"}}));
}

TEST(FieldRules, PathsAndMethodsAreWhatTheirSchemeAllows) {
  const auto request = [](const std::string& method, const std::string& path,
                          const std::string& scheme = "https") {
    return fits({{":method", method}, {":scheme", scheme}, {":path", path}, {":authority", "a"}});
  };
  EXPECT_TRUE(request("OPTIONS", "*"));
  EXPECT_FALSE(request("POST", "*"));
  EXPECT_FALSE(request("POST", "x"));
  EXPECT_TRUE(request("POST", "x", "urn"));
  EXPECT_FALSE(request("POST", ""));
  EXPECT_FALSE(request("POST", "/a b"));
  EXPECT_FALSE(request("PO ST", "/"));
  EXPECT_FALSE(request("", "/"));
  EXPECT_FALSE(
      fits({{":method", "CONNECT"}, {":scheme", "http"}, {":path", "/"}, {":authority", "a"}}));
  EXPECT_TRUE(fits({{":method", "CONNECT"}, {":authority", "a:1"}}));
  EXPECT_FALSE(fits({{":method", "CONNECT"}}));
}

TEST(FieldRules, NamesAreLowerCaseTokensAndValuesHaveNoControlCharacters) {
  EXPECT_TRUE(fits_behind({{"x-a_b.c~1", "v"}, {"x", ""}, {"y", "a\tb \x80\xff"}}));
  EXPECT_TRUE(fits_behind({{"x", " as its user wrote it "}}));
  for (const std::string& name :
       {std::string(), std::string("X"), std::string("a b"), std::string("a:b"),
        std::string("a\0b", 3), std::string("\x80")}) {
    EXPECT_FALSE(fits_behind({{name, "v"}})) << name;
  }
  for (const std::string& value :
       {std::string("a\nb"), std::string("a\rb"), std::string("a\0b", 3), std::string("\x7f")}) {
    EXPECT_FALSE(fits_behind({{"x", value}})) << value;
    EXPECT_FALSE(fits(
        {{":method", "POST"}, {":scheme", "http"}, {":path", "/" + value}, {":authority", "a"}}));
    EXPECT_FALSE(
        fits({{":method", "POST"}, {":scheme", "http"}, {":path", "/"}, {":authority", value}}));
  }
}

TEST(FieldRules, NothingIsOfTheConnection) {
  for (const char* name :
       {"connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"}) {
    EXPECT_FALSE(fits_behind({{name, "x"}})) << name;
  }
  EXPECT_TRUE(fits_behind({{"te", "trailers"}}));
  EXPECT_TRUE(fits_behind({{"te", "Trailers"}}));
  EXPECT_FALSE(fits_behind({{"te", "gzip"}}));
}

TEST(FieldRules, LengthsAreNumbers) {
  FieldRules rules(FieldRules::Of::request);
  rules.field("content-length", "18446744073709551615");
  EXPECT_EQ(rules.content_length(), 18'446'744'073'709'551'615U);
  EXPECT_TRUE(fits_behind({{"content-length", "0"}}));
  for (const char* value : {"", "-1", "+1", "1 ", "0x1", "18446744073709551616", "1,1"}) {
    EXPECT_FALSE(fits_behind({{"content-length", value}})) << value;
  }
  EXPECT_FALSE(fits_behind({{"content-length", "1"}, {"content-length", "1"}}));
}

TEST(FieldRules, TrailersHaveNoPseudoHeaders) {
  constexpr auto kTrailers = FieldRules::Of::trailers;
  EXPECT_TRUE(fits({}, kTrailers));
  EXPECT_TRUE(fits({{"grpc-status", "0"}}, kTrailers));
  EXPECT_FALSE(fits({{":path", "/"}}, kTrailers));
  EXPECT_FALSE(fits({{"content-length", "1"}}, kTrailers));
  EXPECT_FALSE(fits({{"X", "y"}}, kTrailers));
}

}  // namespace
}  // namespace mlops::testing
