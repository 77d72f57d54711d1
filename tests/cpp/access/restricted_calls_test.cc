#include "access/restricted_calls.h"

#include <gtest/gtest.h>

#include "access/gate.h"

namespace mlops {
namespace {

TEST(RestrictedCalls, NeedTheKeyOfTheirGroupAlone) {
  RestrictedCalls calls;
  ASSERT_TRUE(calls.add("inference:infer-key=infer=value").ok());
  ASSERT_TRUE(calls.add("model-repository,shared-memory:Admin-Key=secret").ok());
  EXPECT_EQ(calls.missing_key(ServerCall::health, 0), nullptr);
  EXPECT_EQ(calls.missing_key(ServerCall::metrics, 0), nullptr);
  ASSERT_NE(calls.missing_key(ServerCall::infer, 0), nullptr);
  EXPECT_EQ(*calls.missing_key(ServerCall::infer, 0), "infer-key");
  const auto infer = calls.shown_by("Infer-Key", "infer=value");
  EXPECT_EQ(calls.missing_key(ServerCall::infer, infer), nullptr);
  EXPECT_EQ(*calls.missing_key(ServerCall::repository_load, infer), "admin-key");
  const auto admin = calls.shown_by("admin-key", "secret");
  EXPECT_EQ(calls.missing_key(ServerCall::repository_load, admin), nullptr);
  EXPECT_EQ(calls.missing_key(ServerCall::shared_memory_status, admin), nullptr);
  EXPECT_NE(calls.missing_key(ServerCall::infer, admin), nullptr);
  for (const char* wrong : {"", "Secret", "secre", "secrets"}) {
    EXPECT_EQ(calls.shown_by("admin-key", wrong), 0) << wrong;
  }
  EXPECT_EQ(calls.shown_by("admin", "secret"), 0);
}

TEST(RestrictedCalls, RefusesWhatItCannotMeanAndTellsNoSecret) {
  RestrictedCalls calls;
  for (const char* text :
       {"", "health", "health:key", "health:=v", "health:k=", ":k=v", "health:k=a b",
        "health:a b=v", "health,:k=v", "healthy:k=topsecret", "health,health:k=topsecret"}) {
    const Status status = calls.add(text);
    EXPECT_FALSE(status.ok()) << text;
    EXPECT_EQ(status.message().find("topsecret"), std::string::npos);
  }
  ASSERT_TRUE(calls.add("health,metadata:key=topsecret").ok());
  EXPECT_NE(calls.add("metadata:other=v").message().find("restricted twice"), std::string::npos);
  EXPECT_EQ(calls.describe(), std::vector<std::string>{"health,metadata:key"});
}

TEST(Gate, SaysWhichHeaderARestrictedCallExpects) {
  RestrictedCalls calls;
  ASSERT_TRUE(calls.add("inference:infer-key=v").ok());
  RestrictionsInForce restrictions;
  restrictions.replace(calls);
  Gate gate(nullptr, Surface::everything);
  EXPECT_FALSE(gate.closed());
  gate.restrict_calls(restrictions, "This API is restricted, expecting header '");
  EXPECT_TRUE(gate.closed());
  ShownKeys keys = gate.keys();
  const Judgement refused = gate.admit(ServerCall::infer, nullptr, "", keys);
  EXPECT_EQ(refused.http_status(), 403);
  EXPECT_EQ(refused.grpc_status(), 14);  // as in Triton
  EXPECT_EQ(refused.text, "This API is restricted, expecting header 'infer-key'");
  EXPECT_TRUE(gate.admit(ServerCall::health, nullptr, "", keys).granted());
  keys.show("infer-key", "v");
  EXPECT_TRUE(gate.admit(ServerCall::infer, nullptr, "", keys).granted());

  // A request is judged by what was in force when it came.
  RestrictedCalls others;
  ASSERT_TRUE(others.add("health:infer-key=v").ok());
  restrictions.replace(others);
  EXPECT_TRUE(gate.admit(ServerCall::infer, nullptr, "", keys).granted());
  EXPECT_FALSE(gate.admit(ServerCall::health, nullptr, "", gate.keys()).granted());
  restrictions.replace({});
  EXPECT_FALSE(gate.closed());
}

}  // namespace
}  // namespace mlops
