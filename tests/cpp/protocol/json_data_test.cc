#include "protocol/json_data.h"

#include <gtest/gtest.h>

#include <bit>
#include <charconv>
#include <cmath>
#include <limits>
#include <random>

#include "decoding.h"
#include "protocol/json_text.h"

namespace mlops {
namespace {

using testing::decode_http;
using testing::json_input;
using testing::strings_of;
using testing::values_of;

TEST(JsonData, EveryIntegerTypeTakesItsExtremesAndNoMore) {
  struct Case {
    const char* datatype;
    const char* low;
    const char* below;
    const char* high;
    const char* above;
  };
  const Case cases[] = {
      {"INT8", "-128", "-129", "127", "128"},
      {"INT16", "-32768", "-32769", "32767", "32768"},
      {"INT32", "-2147483648", "-2147483649", "2147483647", "2147483648"},
      {"INT64", "-9223372036854775808", "-9223372036854775809", "9223372036854775807",
       "9223372036854775808"},
      {"UINT8", "0", "-1", "255", "256"},
      {"UINT16", "0", "-1", "65535", "65536"},
      {"UINT32", "0", "-1", "4294967295", "4294967296"},
      {"UINT64", "0", "-1", "18446744073709551615", "18446744073709551616"},
  };
  for (const Case& c : cases) {
    const std::string data = std::string("[") + c.low + "," + c.high + ",-0]";
    const auto taken = decode_http(json_input(c.datatype, "[3]", data));
    ASSERT_TRUE(taken.status.ok()) << c.datatype << ": " << taken.error();
    std::string back;
    ASSERT_TRUE(append_json_data(back, taken.input()));
    EXPECT_EQ(back, std::string("[") + c.low + "," + c.high + ",0]");
    for (const char* bad : {c.below, c.above, "1.0", "1e2", "true", "\"1\"", "null", "NaN", "{}"}) {
      const auto refused = decode_http(json_input(c.datatype, "[1]", "[" + std::string(bad) + "]"));
      EXPECT_EQ(refused.status.code(), Code::invalid_argument) << c.datatype << " " << bad;
      EXPECT_NE(refused.error().find("'x'"), std::string::npos) << refused.error();
    }
  }
}

TEST(JsonData, FloatsAreCorrectlyRoundedAndNeverSilentlyInfinite) {
  const auto f32 = decode_http(json_input(
      "FP32", "[9]", "[1,-0.0,0.1,1e-45,1e-50,3.4028234663852886e38,NaN,-Infinity,16777217]"));
  ASSERT_TRUE(f32.status.ok()) << f32.error();
  const auto v = values_of<float>(f32.input());
  EXPECT_EQ(v[0], 1.0F);
  EXPECT_TRUE(std::signbit(v[1]));
  EXPECT_EQ(v[2], 0.1F);
  EXPECT_EQ(v[3], std::numeric_limits<float>::denorm_min());
  EXPECT_EQ(v[4], 0.0F);
  EXPECT_EQ(v[5], std::numeric_limits<float>::max());
  EXPECT_TRUE(std::isnan(v[6]));
  EXPECT_EQ(v[7], -std::numeric_limits<float>::infinity());
  EXPECT_EQ(v[8], 16777216.0F);

  const auto f64 = decode_http(json_input(
      "FP64", "[6]", "[1e-400,-1e-400,0.00000e999,4.9e-324,Infinity,1.7976931348623157e308]"));
  ASSERT_TRUE(f64.status.ok()) << f64.error();
  const auto w = values_of<double>(f64.input());
  EXPECT_EQ(w[0], 0.0);
  EXPECT_TRUE(std::signbit(w[1]));
  EXPECT_EQ(w[2], 0.0);
  EXPECT_EQ(w[3], std::numeric_limits<double>::denorm_min());
  EXPECT_EQ(w[4], std::numeric_limits<double>::infinity());
  EXPECT_EQ(w[5], std::numeric_limits<double>::max());

  for (const char* big : {"1e39", "-1e39", "340282356779733661637539395458142568448", "1e400",
                          "0.001e43", "1e99999999999999999999", "12e9223372036854775807"}) {
    EXPECT_FALSE(decode_http(json_input("FP32", "[1]", "[" + std::string(big) + "]")).status.ok())
        << big;
  }
  for (const char* big :
       {"1e309", "-1e309", "1e99999999999999999999", "0.1e310", "2e9223372036854775807"}) {
    EXPECT_FALSE(decode_http(json_input("FP64", "[1]", "[" + std::string(big) + "]")).status.ok())
        << big;
  }
  for (const char* tiny :
       {"1e-99999999999999999999", "123456e-400", "0.0001e-330", "0.01e-9223372036854775807"}) {
    EXPECT_TRUE(decode_http(json_input("FP64", "[1]", "[" + std::string(tiny) + "]")).status.ok())
        << tiny;
  }
}

// Every bit pattern goes out as text and comes back as itself.
TEST(JsonData, FloatsSurviveTheRoundTrip) {
  std::mt19937_64 random(7);
  std::vector<float> singles(4096);
  std::vector<double> doubles(4096);
  for (float& value : singles) value = std::bit_cast<float>(static_cast<std::uint32_t>(random()));
  for (double& value : doubles) value = std::bit_cast<double>(random());
  const auto check = [](DType dtype, const auto& values) {
    using T = std::decay_t<decltype(values[0])>;
    std::string data;
    ASSERT_TRUE(append_json_data(data, testing::dense(dtype, Shape{4096}, values)));
    const auto back = decode_http(json_input(kserve_name(dtype), "[4096]", data));
    ASSERT_TRUE(back.status.ok()) << back.error();
    const auto got = values_of<T>(back.input());
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (std::isnan(values[i])) {
        EXPECT_TRUE(std::isnan(got[i]));
      } else {
        EXPECT_EQ(std::memcmp(&got[i], &values[i], sizeof(T)), 0) << values[i];
      }
    }
  };
  check(DType::f32, singles);
  check(DType::f64, doubles);
}

TEST(JsonData, BooleansAreWordsOnly) {
  const auto taken = decode_http(json_input("BOOL", "[3]", "[true,false,[true]]"));
  ASSERT_TRUE(taken.status.ok()) << taken.error();
  EXPECT_EQ(values_of<std::uint8_t>(taken.input()), (std::vector<std::uint8_t>{1, 0, 1}));
  for (const char* bad : {"[1]", "[0]", "[\"true\"]", "[null]", "[tru]"}) {
    EXPECT_FALSE(decode_http(json_input("BOOL", "[1]", bad)).status.ok()) << bad;
  }
}

TEST(JsonData, StringsKeepEveryByteTheyStandFor) {
  const auto taken = decode_http(json_input(
      "BYTES", "[2,3]", R"([["","a\u0000b","\ud83d\ude00"],["q\"\\\/\b\f\n\r\t","é",""]])"));
  ASSERT_TRUE(taken.status.ok()) << taken.error();
  EXPECT_EQ(strings_of(taken.input()),
            (std::vector<std::string>{"", std::string("a\0b", 3), "\xF0\x9F\x98\x80",
                                      "q\"\\/\b\f\n\r\t", "é", ""}));
  for (const char* bad : {"[1]", "[true]", "[null]", "[\"\\ud800\"]", "[\"\\q\"]", "[\"a"}) {
    EXPECT_FALSE(decode_http(json_input("BYTES", "[1]", bad)).status.ok()) << bad;
  }
}

TEST(JsonData, NestingDoesNotMatterButTheCountDoes) {
  for (const char* data :
       {"[1,2,3,4]", "[[1,2],[3,4]]", "[[[1],[2,3]],[],[[[4]]]]", " [ [1 ,2] ,3,4 ]"}) {
    const auto taken = decode_http(json_input("INT32", "[2,2]", data));
    ASSERT_TRUE(taken.status.ok()) << data << ": " << taken.error();
    EXPECT_EQ(values_of<std::int32_t>(taken.input()), (std::vector<std::int32_t>{1, 2, 3, 4}));
  }
  for (const char* datatype : {"INT32", "BYTES"}) {
    const bool words = std::string(datatype) == "BYTES";
    const auto few = decode_http(json_input(datatype, "[3]", words ? "[\"a\"]" : "[1]"));
    EXPECT_NE(few.error().find("Failed to parse 'data' field: shape does not match true shape"),
              std::string::npos)
        << few.error();
    const auto many = decode_http(json_input(datatype, "[1]", words ? "[\"a\",\"b\"]" : "[1,2]"));
    EXPECT_NE(many.error().find(
                  "Unable to parse 'data': Shape does not match true shape of 'data' field"),
              std::string::npos)
        << many.error();
    EXPECT_EQ(few.status.code(), Code::internal);
    EXPECT_EQ(many.status.code(), Code::internal);
  }
}

TEST(JsonData, EmptyTensors) {
  for (const char* datatype : {"FP32", "BYTES", "BOOL"}) {
    const auto taken = decode_http(json_input(datatype, "[0,3]", "[]"));
    ASSERT_TRUE(taken.status.ok()) << taken.error();
    EXPECT_TRUE(taken.input().bytes.empty());
    EXPECT_FALSE(decode_http(json_input(datatype, "[0]", "[1]")).status.ok());
  }
}

std::string nested(std::size_t depth, const std::string& value) {
  return std::string(depth, '[') + value + std::string(depth, ']');
}

TEST(JsonData, DeepNestingIsRefusedByName) {
  for (const char* datatype : {"FP32", "BYTES"}) {
    const std::string value = std::string(datatype) == "BYTES" ? "\"hello\"" : "123";
    EXPECT_TRUE(decode_http(json_input(datatype, "[1]", nested(50, value))).status.ok());
    for (const std::size_t depth : {120UL, 250'000UL}) {
      const auto deep = decode_http(json_input(datatype, "[1]", nested(depth, value)));
      EXPECT_EQ(deep.error(), "JSON nesting depth exceeds maximum allowed limit (100)");
    }
  }
}

TEST(JsonData, HalfPrecisionHasNoJsonForm) {
  for (const char* datatype : {"FP16", "BF16"}) {
    const auto refused = decode_http(json_input(datatype, "[1]", "[1]"));
    EXPECT_EQ(refused.error(), "receiving " + std::string(datatype) +
                                   " data via JSON is not supported. Please use the binary data "
                                   "format for input x");
  }
}

TEST(JsonData, ALargeShapeWithLittleDataCostsNothing) {
  DecodeLimits limits;
  limits.tensor_bytes_max = std::size_t{1} << 62;
  const auto refused =
      decode_http(json_input("FP64", "[100000000000]", "[1]"), {}, nullptr, limits);
  EXPECT_NE(refused.error().find("shape does not match"), std::string::npos) << refused.error();
  const auto strings = decode_http(json_input("BYTES", "[100000000000]", "[\"\"]"));
  EXPECT_NE(strings.error().find("shape does not match"), std::string::npos) << strings.error();
}

TEST(JsonData, TheExpandedSizeIsLimited) {
  DecodeLimits limits;
  limits.tensor_bytes_max = 8;
  const auto refused = decode_http(json_input("FP32", "[3]", "[1,2,3]"), {}, nullptr, limits);
  EXPECT_NE(
      refused.error().find("byte_size (12 bytes) that exceeds the maximum allowed value of 8"),
      std::string::npos)
      << refused.error();
}

TEST(JsonData, SyntaxErrorsAreSyntaxErrors) {
  for (const char* data :
       {"[1,]", "[1 2]", "[1", "[", "[[1]", "[1}", "[1,,2]", "[01]", "[1.]", "[-]"}) {
    for (const char* datatype : {"FP32", "BYTES", "INT8"}) {
      EXPECT_EQ(decode_http(json_input(datatype, "[2]", data)).status.code(),
                Code::invalid_argument)
          << data;
    }
  }
}

TEST(JsonData, OneBufferPerTensorIsCounted) {
  const auto taken = decode_http(json_input("FP32", "[2]", "[1,2]"));
  EXPECT_EQ(taken.copies->total(CopySite::json_parse), 8u);
  const auto words = decode_http(json_input("BYTES", "[1]", "[\"abc\"]"));
  EXPECT_EQ(words.copies->total(CopySite::json_parse), 7u);
}

}  // namespace
}  // namespace mlops
