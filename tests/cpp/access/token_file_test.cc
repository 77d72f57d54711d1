#include "access/token_file.h"

#include <gtest/gtest.h>

namespace mlops {
namespace {

const std::string kHash(64, 'a');
const std::string kOther(64, 'b');

std::string refusal(const std::string& text) { return parse_token_file(text).status().message(); }

TEST(TokenFile, ReadsTokensAndRoles) {
  const auto file = parse_token_file(
      "# made by 'mlops token new'\n\n"
      "token name=ana sha256=" +
      kHash +
      " roles=predict,observe rate=2.5 burst=10 expires=99 # hers\n"
      "\ttoken  name=bo sha256=" +
      kOther +
      " roles=admin\r\n"
      "role name=predict rate=100\n");
  ASSERT_TRUE(file.ok()) << file.status().message();
  ASSERT_EQ(file->tokens.size(), 2U);
  EXPECT_EQ(file->tokens[0].name, "ana");
  EXPECT_EQ(file->tokens[0].roles, (RoleSet{Role::predict, Role::observe}));
  EXPECT_EQ(file->tokens[0].limit, (RateLimit{2.5, 10}));
  EXPECT_EQ(file->tokens[0].expires_unix_s, 99);
  EXPECT_EQ(file->tokens[1].limit, std::nullopt);
  EXPECT_EQ(file->limit_of(RoleSet{Role::predict}), (RateLimit{100, 100}));
  EXPECT_TRUE(file->limit_of(RoleSet{Role::predict, Role::admin}).none());
}

TEST(TokenFile, SaysWhichLineIsWrongAndWhy) {
  const std::string token = "token name=ana sha256=" + kHash + " roles=predict";
  EXPECT_EQ(refusal(token + "\n" + token), "two tokens are named ana");
  EXPECT_EQ(refusal(token + "\ntoken name=bo sha256=" + kHash + " roles=admin"),
            "two tokens have the digest of bo");
  EXPECT_EQ(refusal("\n\ntoken name=ana roles=predict"), "line 3: sha256 is missing");
  EXPECT_EQ(refusal("token sha256=" + kHash + " roles=predict"), "line 1: name is missing");
  EXPECT_EQ(refusal("token name=ana sha256=" + kHash), "line 1: roles is missing");
  EXPECT_EQ(refusal(token + " rol=x"), "line 1: unknown key; did you mean roles?");
  EXPECT_EQ(refusal(token + " name=x"), "line 1: name is given twice");
  EXPECT_EQ(refusal(token + " burst=5"), "line 1: burst needs rate");
  EXPECT_EQ(refusal("token name=a sha256=abc roles=predict"),
            "line 1: sha256 must be 64 hexadecimal digits");
  EXPECT_EQ(refusal("token name=a roles=root"), "line 1: roles are predict, observe and admin");
  EXPECT_EQ(refusal("role name=root rate=1"), "line 1: the roles are predict, observe and admin");
  EXPECT_EQ(refusal("role name=admin"), "line 1: rate is missing");
  for (const char* rate : {"0", "-1", "nan", "inf", "1e30", "x", "1/s", ""}) {
    EXPECT_EQ(refusal(token + " rate=" + rate), "line 1: rate is not a number in range") << rate;
  }
}

// A token pasted where it does not belong must not reach a log.
TEST(TokenFile, ErrorsQuoteNoSecrets) {
  for (const char* line : {"mlops_SECRETSECRET", "token mlops_SECRETSECRET", "token SECRET=1",
                           "token name=a sha256=SECRET roles=predict", "token roles=SECRET"}) {
    EXPECT_EQ(refusal(line).find("SECRET"), std::string::npos) << line;
    EXPECT_NE(refusal(line), "") << line;
  }
}

TEST(TokenFile, NamesAreShortAndPrintable) {
  EXPECT_TRUE(is_token_name("auth0|ana@example.org"));
  EXPECT_FALSE(is_token_name(""));
  EXPECT_FALSE(is_token_name("a b"));
  EXPECT_FALSE(is_token_name("a\nb"));
  EXPECT_FALSE(is_token_name(std::string(129, 'a')));
}

TEST(RateBucketTest, LetsBurstsThroughAndThenTheRate) {
  RateBucket bucket({.per_second = 2, .burst = 3});
  TimePoint now = TimePoint() + std::chrono::hours(1);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(bucket.take(now), Duration::zero());
  EXPECT_EQ(bucket.take(now), std::chrono::milliseconds(500));
  EXPECT_FALSE(bucket.full(now));
  now += std::chrono::milliseconds(499);
  EXPECT_EQ(bucket.take(now), std::chrono::milliseconds(1));
  now += std::chrono::milliseconds(1);
  EXPECT_EQ(bucket.take(now), Duration::zero());
  EXPECT_NE(bucket.take(now), Duration::zero());
  now += std::chrono::seconds(2);
  EXPECT_TRUE(bucket.full(now));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(bucket.take(now), Duration::zero());
  EXPECT_NE(bucket.take(now), Duration::zero());
}

TEST(RateBucketTest, TheExtremesDoNotOverflow) {
  const TimePoint now = TimePoint() + std::chrono::hours(1);
  RateBucket slow({.per_second = 1e-3, .burst = 1e6});
  EXPECT_EQ(slow.take(now), Duration::zero());
  RateBucket slowest({.per_second = 1e-3, .burst = 1});
  EXPECT_EQ(slowest.take(now), Duration::zero());
  EXPECT_EQ(slowest.take(now), std::chrono::seconds(1000));
}

}  // namespace
}  // namespace mlops
