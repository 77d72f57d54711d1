#include "access/jwt.h"

#include <gtest/gtest.h>

#include "jwt_maker.h"

namespace mlops {
namespace {

using testing::hs256_jwt;
using testing::key_jwt;
using testing::unsigned_jwt;

constexpr std::int64_t kNow = 1'800'000'000;
const std::string kSecret(32, 's');
constexpr char kRs256[] = R"({"alg":"RS256"})";
constexpr char kEs256[] = R"({"alg":"ES256","kid":"one"})";

std::string payload(const std::string& more = "") {
  return R"({"iss":"us","aud":"mlops","sub":"ana","exp":1800000100,"roles":["predict","x"])" +
         more + "}";
}

std::string jwks() {
  return R"({"keys":[{"kty":"oct","k":")" + testing::base64url(kSecret) + "\"}]}";
}

// Making one takes a while.
const testing::KeyRef& rsa_key() {
  static const testing::KeyRef key = testing::make_rsa_key();
  return key;
}

class JwtTest : public ::testing::Test {
 protected:
  std::string verify(const std::string& token) {
    const Result<JwtClaims> result = verify_jwt(token, keys, rules, now);
    if (result.ok()) claims = *result;
    return result.status().message();
  }
  void use(const std::string& text) {
    Result<std::vector<JwtKey>> parsed = parse_jwt_keys(text);
    ASSERT_TRUE(parsed.ok()) << parsed.status().message();
    keys = *std::move(parsed);
  }
  void SetUp() override { use(jwks()); }

  std::vector<JwtKey> keys;
  JwtRules rules{.issuer = "us", .audience = "mlops", .roles_claim = "roles", .leeway_s = 30};
  JwtClaims claims;
  std::int64_t now = kNow;
};

TEST_F(JwtTest, ReadsASignedOne) {
  EXPECT_EQ(verify(hs256_jwt(payload(), kSecret)), "");
  EXPECT_EQ(claims.subject, "ana");
  EXPECT_EQ(claims.roles, RoleSet{Role::predict});
  EXPECT_EQ(claims.expires_unix_s, 1'800'000'130);
}

TEST_F(JwtTest, RolesMayBeWords) {
  const std::string words =
      R"({"iss":"us","aud":["x","mlops"],"sub":"a","exp":1800000100.5,"roles":"observe admin"})";
  EXPECT_EQ(verify(hs256_jwt(words, kSecret)), "");
  EXPECT_EQ(claims.roles, (RoleSet{Role::observe, Role::admin}));
  rules.roles_claim = "groups";
  EXPECT_EQ(verify(hs256_jwt(words, kSecret)), "");
  EXPECT_TRUE(claims.roles.empty());
}

TEST_F(JwtTest, PublicKeysOfBothKinds) {
  const auto& rsa = rsa_key();
  const auto ec = testing::make_ec_key();
  use(testing::public_key_pem(rsa) + testing::certificate_pem(testing::make_certificate(ec)));
  EXPECT_EQ(verify(key_jwt(payload(), rsa, kRs256)), "");
  EXPECT_EQ(verify(key_jwt(payload(), ec, kEs256)), "");
  EXPECT_NE(verify(key_jwt(payload(), testing::make_rsa_key(), kRs256)), "");
  EXPECT_NE(verify(key_jwt(payload(), testing::make_ec_key(), kEs256)), "");
}

// The classic ways of being taken for somebody.
TEST_F(JwtTest, AlgorithmsAreNotTheTokensToChoose) {
  const auto& rsa = rsa_key();
  const std::string pem = testing::public_key_pem(rsa);
  use(pem);
  for (const char* none : {R"({"alg":"none"})", R"({"alg":"None"})", R"({"alg":""})", R"({})"}) {
    EXPECT_NE(verify(unsigned_jwt(none, payload()) + "."), "") << none;
  }
  EXPECT_NE(verify(hs256_jwt(payload(), pem)), "");
  EXPECT_NE(verify(hs256_jwt(payload(), pem, kRs256)), "");
  EXPECT_NE(verify(key_jwt(payload(), rsa, R"({"alg":"RS512"})")), "");
  EXPECT_NE(verify(key_jwt(payload(), rsa, R"({"alg":"ES256"})")), "");
  EXPECT_NE(verify(key_jwt(payload(), rsa, R"({"alg":"RS256","alg":"RS256"})")), "");
  EXPECT_NE(verify(key_jwt(payload(), rsa, R"({"alg":"RS256","crit":["x"]})")), "");
  EXPECT_EQ(verify(key_jwt(payload(), rsa, kRs256)), "");
}

TEST_F(JwtTest, AKeyIdChoosesAmongKeys) {
  use(R"({"keys":[{"kty":"oct","kid":"a","k":")" + testing::base64url(kSecret) + "\"}]}");
  EXPECT_EQ(verify(hs256_jwt(payload(), kSecret, R"({"alg":"HS256","kid":"a"})")), "");
  EXPECT_NE(verify(hs256_jwt(payload(), kSecret, R"({"alg":"HS256","kid":"b"})")), "");
}

TEST_F(JwtTest, TimesAreChecked) {
  const std::string token = hs256_jwt(payload(), kSecret);
  now = 1'800'000'129;
  EXPECT_EQ(verify(token), "");
  now = 1'800'000'130;
  EXPECT_EQ(verify(token), "the token has expired");
  now = kNow;
  EXPECT_EQ(verify(hs256_jwt(payload(R"(,"nbf":1800000030)"), kSecret)), "");
  EXPECT_EQ(verify(hs256_jwt(payload(R"(,"nbf":1800000031)"), kSecret)),
            "the token is not valid yet");
  EXPECT_EQ(verify(hs256_jwt(R"({"iss":"us","aud":"mlops","sub":"a"})", kSecret)),
            "the token does not say when it expires");
  for (const char* odd : {"-1", "1e400", "\"1800000100\"", "null", "1e300"}) {
    const std::string text =
        R"({"iss":"us","aud":"mlops","sub":"a","exp":)" + std::string(odd) + "}";
    EXPECT_NE(verify(hs256_jwt(text, kSecret)), "") << odd;
  }
}

TEST_F(JwtTest, IssuerAudienceAndSubjectAreChecked) {
  const auto with = [](const std::string& iss, const std::string& aud, const std::string& sub) {
    return hs256_jwt(
        R"({"exp":1800000100,"iss":")" + iss + R"(","aud":)" + aud + R"(,"sub":")" + sub + "\"}",
        kSecret);
  };
  EXPECT_EQ(verify(with("us", R"("mlops")", "ana")), "");
  EXPECT_NE(verify(with("them", R"("mlops")", "ana")), "");
  EXPECT_NE(verify(with("us", R"("other")", "ana")), "");
  EXPECT_NE(verify(with("us", "[]", "ana")), "");
  EXPECT_NE(verify(with("us", R"("mlops")", "")), "");
  EXPECT_NE(verify(with("us", R"("mlops")", "a\\nb")), "");
}

TEST_F(JwtTest, ChangedTokensAreRefused) {
  const std::string token = hs256_jwt(payload(), kSecret);
  for (std::size_t i = 0; i < token.size(); ++i) {
    std::string changed = token;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_NE(verify(changed), "") << i;
    EXPECT_NE(verify(token.substr(0, i)), "") << i;
  }
  EXPECT_NE(verify(token + "A"), "");
  EXPECT_NE(verify(token + "="), "");
  EXPECT_NE(verify(token + "." + token), "");
  EXPECT_NE(verify(std::string(20'000, 'a')), "");
}

TEST_F(JwtTest, WeakOrSecretKeysAreRefused) {
  const auto refused = [](const std::string& text) { return !parse_jwt_keys(text).ok(); };
  EXPECT_TRUE(refused(""));
  EXPECT_TRUE(refused("hello"));
  EXPECT_TRUE(refused("{}"));
  EXPECT_TRUE(refused(R"({"keys":[]})"));
  EXPECT_TRUE(refused(R"({"keys":[{"kty":"oct","k":"c2hvcnQ"}]})"));
  EXPECT_TRUE(refused(R"({"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"}]})"));
  EXPECT_TRUE(refused(R"({"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}]})"));
  EXPECT_TRUE(refused(R"({"keys":[{"kty":"EC","crv":"P-256","d":"AA"}]})"));
  EXPECT_TRUE(refused(testing::key_pem(testing::make_ec_key())));
  EXPECT_TRUE(refused(testing::public_key_pem(testing::make_rsa_key(1024))));
  // A point that is not on the curve.
  const std::string off(32, '\x01');
  EXPECT_TRUE(refused(R"({"keys":[{"kty":"EC","crv":"P-256","x":")" + testing::base64url(off) +
                      R"(","y":")" + testing::base64url(off) + "\"}]}"));
}

// RFC 7515, appendix A.1 and A.3: made by nobody here.
TEST_F(JwtTest, VerifiesThePublishedExamples) {
  use(R"({"keys":[{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75)"
      R"(aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"},{"kty":"EC","crv":"P-256",)"
      R"("x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",)"
      R"("y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]})");
  constexpr std::string_view kPayload =
      "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVl"
      "fQ";
  const std::string hs = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." + std::string(kPayload);
  const std::string es = "eyJhbGciOiJFUzI1NiJ9." + std::string(kPayload);
  std::string signature;
  ASSERT_TRUE(decode_base64url("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", signature));
  EXPECT_TRUE(verify_jwt_signature(keys[0], hs, signature));
  ASSERT_TRUE(decode_base64url(
      "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
      signature));
  EXPECT_TRUE(verify_jwt_signature(keys[1], es, signature));
  signature[5] ^= 1;
  EXPECT_FALSE(verify_jwt_signature(keys[1], es, signature));
}

}  // namespace
}  // namespace mlops
