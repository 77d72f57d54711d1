// Files, credentials and verdicts, on clocks that the test moves.

#include "access/access.h"

#include <gtest/gtest.h>

#include <array>

#include "access/gate.h"
#include "jwt_maker.h"
#include "support/temporary_folder.h"
#include "support/token_line.h"

namespace mlops {
namespace {

using testing::token_line;

class AccessTest : public ::testing::Test {
 protected:
  void open(const std::string& tokens) {
    options.tokens_file = folder.file("tokens", tokens);
    Result<std::unique_ptr<Access>> opened = Access::open(options, [this] { return unix_s; });
    ASSERT_TRUE(opened.ok()) << opened.status().message();
    access = *std::move(opened);
  }
  PrincipalRef who(const std::string& authorization) {
    return access->identify(authorization, now).principal;
  }

  testing::TemporaryFolder folder;
  AccessOptions options;
  std::unique_ptr<Access> access;
  std::int64_t unix_s = 1'800'000'000;
  TimePoint now = TimePoint() + std::chrono::hours(1);
};

TEST_F(AccessTest, KnowsATokenByItsDigest) {
  open(token_line("ana", "secret-one") + token_line("bo", "secret-two", "roles=admin"));
  ASSERT_TRUE(who("Bearer secret-one"));
  EXPECT_EQ(who("Bearer secret-one")->name, "ana");
  EXPECT_EQ(who("bearer  secret-two")->name, "bo");
  for (const char* wrong : {"", "Bearer", "Bearer ", "Bearer secret", "secret-one",
                            "Basic secret-one", "Bearer secret-one ", "Bearersecret-one"}) {
    EXPECT_FALSE(who(wrong)) << wrong;
  }
}

TEST_F(AccessTest, TokensExpire) {
  open(token_line("ana", "one", "roles=predict expires=1800000010"));
  Credentials credentials(access.get());
  std::string why;
  EXPECT_TRUE(credentials.identify("Bearer one", now, why));
  unix_s = 1'800'000'010;
  EXPECT_FALSE(credentials.identify("Bearer one", now, why));
  EXPECT_EQ(why, "the token has expired");
}

TEST_F(AccessTest, AConnectionForgetsNothingItMustNot) {
  open(token_line("ana", "one") + token_line("bo", "two"));
  Credentials credentials(access.get());
  std::string why;
  const PrincipalRef ana = credentials.identify("Bearer one", now, why);
  EXPECT_EQ(credentials.identify("Bearer one", now, why), ana);
  EXPECT_EQ(credentials.identify("Bearer two", now, why)->name, "bo");
  EXPECT_FALSE(credentials.identify("", now, why));
  EXPECT_FALSE(credentials.identify("Bearer three", now, why));
  EXPECT_EQ(credentials.identify("Bearer one", now, why), ana);
  folder.file("tokens", token_line("bo", "two"));
  ASSERT_TRUE(access->reload().ok());
  EXPECT_FALSE(credentials.identify("Bearer one", now, why));
}

TEST_F(AccessTest, AReloadKeepsWhatItCannotReplaceAndBucketsThatStay) {
  open(token_line("ana", "one", "roles=predict rate=1 burst=1"));
  EXPECT_TRUE(Gate::count(who("Bearer one"), now).granted());
  folder.file("tokens", token_line("ana", "one", "roles=predict rate=1 burst=1") + "# more\n");
  ASSERT_TRUE(access->reload().ok());
  EXPECT_EQ(Gate::count(who("Bearer one"), now).verdict, Verdict::limited);
  folder.file("tokens", "nonsense");
  EXPECT_FALSE(access->reload().ok());
  EXPECT_TRUE(who("Bearer one"));
  folder.file("tokens", token_line("ana", "one", "roles=predict rate=5 burst=1"));
  ASSERT_TRUE(access->reload().ok());
  EXPECT_TRUE(Gate::count(who("Bearer one"), now).granted());
}

TEST_F(AccessTest, JwtSubjectsHaveTheirRolesRate) {
  const std::string secret(32, 's');
  options.jwt_keys_file =
      folder.file("keys", R"({"keys":[{"kty":"oct","k":")" + testing::base64url(secret) + "\"}]}");
  options.jwt = {.issuer = "us", .audience = "mlops", .roles_claim = "roles", .leeway_s = 30};
  open("role name=predict rate=1 burst=2\n");
  const auto jwt = [&](const std::string& sub, const std::string& id) {
    return "Bearer " + testing::hs256_jwt(R"({"iss":"us","aud":"mlops","exp":1800000100,"sub":")" +
                                              sub + R"(","roles":"predict","jti":")" + id + "\"}",
                                          secret);
  };
  EXPECT_TRUE(Gate::count(who(jwt("ana", "1")), now).granted());
  EXPECT_TRUE(Gate::count(who(jwt("ana", "2")), now).granted());
  EXPECT_FALSE(Gate::count(who(jwt("ana", "3")), now).granted());  // a new token is no new rate
  EXPECT_TRUE(Gate::count(who(jwt("bo", "4")), now).granted());
}

TEST(SubjectBucketsTest, AreBoundedAndForgetTheIdle) {
  SubjectBuckets buckets(100);
  const RateLimit limit{.per_second = 1, .burst = 1};
  TimePoint now = TimePoint() + std::chrono::hours(1);
  for (int i = 0; i < 200; ++i)
    (void)buckets.bucket("s" + std::to_string(i), limit, now)->take(now);
  const auto a = buckets.bucket("stranger", limit, now);
  EXPECT_EQ(a, buckets.bucket("another", limit, now));
  EXPECT_NE(buckets.bucket("s1", limit, now), a);
  EXPECT_NE(buckets.bucket("s1", limit, now)->take(now), Duration::zero());
  now += std::chrono::seconds(10);
  EXPECT_NE(buckets.bucket("third", limit, now), a);
}

TEST_F(AccessTest, TheGateKnowsWhoMayDoWhat) {
  open(token_line("ana", "one"));
  const Gate gate(access.get(), Surface::everything);
  const PrincipalRef ana = who("Bearer one");
  EXPECT_TRUE(gate.admit(ServerCall::infer, ana, "").granted());
  EXPECT_EQ(gate.admit(ServerCall::repository_load, ana, "").verdict, Verdict::forbidden);
  EXPECT_EQ(gate.admit(ServerCall::infer, nullptr, "why").verdict, Verdict::unauthenticated);
  EXPECT_TRUE(gate.admit(ServerCall::health, nullptr, "").granted());
  EXPECT_FALSE(gate.admit(ServerCall::metrics, nullptr, "").granted());
  EXPECT_FALSE(gate.counts(ServerCall::health));
  options.health_is_open = false;
  options.metrics_are_open = true;
  open(token_line("ana", "one"));
  const Gate other(access.get(), Surface::everything);
  EXPECT_FALSE(other.admit(ServerCall::health, nullptr, "").granted());
  EXPECT_TRUE(other.admit(ServerCall::metrics, nullptr, "").granted());
}

TEST(GateTest, SurfacesDivideTheCalls) {
  const Gate open(nullptr, Surface::everything);
  const Gate outer(nullptr, Surface::no_administration);
  const Gate inner(nullptr, Surface::administration);
  EXPECT_FALSE(open.closed());
  for (std::size_t i = 0; i < kServerCallCount; ++i) {
    const auto call = static_cast<ServerCall>(i);
    EXPECT_TRUE(open.admit(call, nullptr, "").granted());
    EXPECT_EQ(outer.admit(call, nullptr, "").granted(), !rule_of(call).administrative);
    EXPECT_EQ(inner.admit(call, nullptr, "").granted(), call != ServerCall::infer);
  }
}

// Written out a second time on purpose: a change of who may do what must be made twice.
TEST(CallRules, AreThese) {
  constexpr std::array<std::pair<ServerCall, std::string_view>, kServerCallCount> kWho = {{
      {ServerCall::health, "predict,observe,admin"},
      {ServerCall::metrics, "observe,admin"},
      {ServerCall::server_metadata, "predict,observe,admin"},
      {ServerCall::model_metadata, "predict,observe,admin"},
      {ServerCall::model_config, "predict,observe,admin"},
      {ServerCall::statistics, "observe,admin"},
      {ServerCall::infer, "predict"},
      {ServerCall::repository_index, "observe,admin"},
      {ServerCall::repository_load, "admin"},
      {ServerCall::repository_unload, "admin"},
      {ServerCall::shared_memory_status, "observe,admin"},
      {ServerCall::shared_memory_register, "admin"},
      {ServerCall::shared_memory_unregister, "admin"},
      {ServerCall::trace_read, "observe,admin"},
      {ServerCall::trace_change, "admin"},
      {ServerCall::log_read, "observe,admin"},
      {ServerCall::log_change, "admin"},
      {ServerCall::drift_read, "observe,admin"},
      {ServerCall::drift_change, "admin"},
      {ServerCall::cache_change, "admin"},
      {ServerCall::feedback, "predict"},
      {ServerCall::route_read, "observe,admin"},
      {ServerCall::route_change, "admin"},
  }};
  for (std::size_t i = 0; i < kWho.size(); ++i) {
    EXPECT_EQ(static_cast<std::size_t>(kWho[i].first), i);
    EXPECT_EQ(to_string(rule_of(kWho[i].first).roles), kWho[i].second)
        << rule_of(kWho[i].first).name;
  }
}

}  // namespace
}  // namespace mlops
