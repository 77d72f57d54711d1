// Calls of those who show a token, or none: judged by their headers, before there is a message.

#include <gtest/gtest.h>

#include "grpc/grpc_fixture.h"
#include "support/temporary_folder.h"
#include "support/token_line.h"

namespace mlops::testing {
namespace {

constexpr char kLoad[] = "/inference.GRPCInferenceService/RepositoryModelLoad";
constexpr char kStreamInfer[] = "/inference.GRPCInferenceService/ModelStreamInfer";
constexpr int kResourceExhausted = 8;
constexpr int kPermissionDenied = 7;
constexpr int kUnauthenticated = 16;

class RefusalsKept final : public AuditSink {
 public:
  void record(const AuditRecord&) noexcept override {}
  void record_refused(const AuditRecord& record, TimePoint) noexcept override {
    refused.push_back(record);
  }
  std::vector<AuditRecord> refused;
};

class GrpcAccessTest : public GrpcConnectionTest {
 protected:
  GrpcAccessTest() {
    service.gate = Gate(access.get(), Surface::everything);
    service.audit = &audit;
    guarded.open(factory);
    guarded.turn.now = TimePoint() + std::chrono::hours(1);
  }
  static Http2Client::Headers bearer(const std::string& token) {
    return {{"authorization", "Bearer " + token}};
  }
  // The first part of a call; nothing of its message has been sent.
  GrpcReply& begin(const std::string& path, const Http2Client::Headers& headers) {
    last = peer.call(path, "", headers, false);
    run(peer, guarded);
    return peer.replies[last];
  }
  GrpcReply& finish(const std::string& message) {
    peer.send(last, grpc_frame(message), true);
    run(peer, guarded);
    return peer.replies[last];
  }
  std::size_t errors(const GrpcReply& reply, const std::string& text) {
    std::size_t count = 0;
    for (const std::string& message : reply.messages()) {
      inference::ModelStreamInferResponse response;
      EXPECT_TRUE(response.ParseFromString(message));
      if (response.error_message().empty()) continue;
      EXPECT_EQ(response.error_message(), text);
      ++count;
    }
    return count;
  }

  TemporaryFolder folder;
  AccessOptions options{.tokens_file = folder.file(
                            "tokens", token_line("ana", "plain") +
                                          token_line("bo", "slow", "roles=predict rate=1 burst=2")),
                        .jwt_keys_file = {},
                        .jwt = {}};
  std::unique_ptr<Access> access = *Access::open(options);
  RefusalsKept audit;
  SessionHarness guarded{engine};
  Http2Client peer;
  std::int32_t last = 0;
};

TEST_F(GrpcAccessTest, ACallWithoutATokenIsRefusedBeforeItsMessage) {
  for (const Http2Client::Headers& headers :
       {Http2Client::Headers{}, bearer("wrong"), {{"authorization", "plain"}}}) {
    const GrpcReply& reply = begin(kInfer, headers);
    EXPECT_EQ(reply.status(), kUnauthenticated);
    EXPECT_TRUE(reply.closed);
  }
  EXPECT_EQ(begin(kStreamInfer, {}).status(), kUnauthenticated);
  EXPECT_TRUE(audit.refused.empty());  // nothing that administers
}

TEST_F(GrpcAccessTest, ACallWithATokenIsAwaited) {
  EXPECT_EQ(begin(kInfer, bearer("plain")).status(), -1);
  const GrpcReply& reply = finish(infer_message("a"));
  EXPECT_EQ(reply.status(), 0);
  EXPECT_FALSE(reply.messages().empty());
}

TEST_F(GrpcAccessTest, WhatARoleDoesNotCoverIsRefusedBeforeItsMessageAndKept) {
  EXPECT_EQ(begin(kLoad, bearer("plain")).status(), kPermissionDenied);
  EXPECT_TRUE(peer.replies[last].closed);
  ASSERT_EQ(audit.refused.size(), 1U);
  EXPECT_EQ(audit.refused[0].who, "ana");
  EXPECT_EQ(audit.refused[0].result, "PERMISSION_DENIED");
}

TEST_F(GrpcAccessTest, CallsBeyondTheRateAreRefusedBeforeTheirMessage) {
  for (int i = 0; i < 2; ++i) {
    begin(kInfer, bearer("slow"));
    EXPECT_EQ(finish(infer_message("a")).status(), 0);
  }
  EXPECT_EQ(begin(kInfer, bearer("slow")).status(), kResourceExhausted);
  guarded.turn.now += std::chrono::seconds(1);
  begin(kInfer, bearer("slow"));
  EXPECT_EQ(finish(infer_message("a")).status(), 0);
}

// Blocks of headers that come again are known, and whose they are as well: until it changes.
TEST_F(GrpcAccessTest, ATokenThatWasGrantedOftenIsAskedForAgainWhenTheFilesChange) {
  const auto calls = [this](const std::string& token, int status) {
    for (int i = 0; i < 4; ++i) {
      begin(kInfer, bearer(token));
      if (status == 0) finish(infer_message("a"));
      EXPECT_EQ(peer.replies[last].status(), status) << token << " " << i;
    }
  };
  calls("plain", 0);
  calls("wrong", kUnauthenticated);
  calls("plain", 0);
  EXPECT_EQ(begin(kLoad, bearer("plain")).status(), kPermissionDenied);
  calls("plain", 0);
  folder.file("tokens", token_line("ana", "other"));
  ASSERT_TRUE(access->reload().ok());
  calls("plain", kUnauthenticated);
  calls("other", 0);
  folder.file("tokens", token_line("ana", "other", "roles=observe"));
  ASSERT_TRUE(access->reload().ok());
  calls("other", kPermissionDenied);
}

TEST_F(GrpcAccessTest, ATokenThatWasGrantedOftenExpires) {
  std::int64_t unix_s = 1000;
  folder.file("tokens", token_line("ana", "brief", "roles=predict expires=1001"));
  const std::unique_ptr<Access> dated = *Access::open(options, [&unix_s] { return unix_s; });
  service.gate = Gate(dated.get(), Surface::everything);
  SessionHarness server{engine};
  server.open(factory);
  Http2Client asking;
  const auto status = [&] {
    const std::int32_t id = asking.call(kInfer, grpc_frame(infer_message("a")), bearer("brief"));
    run(asking, server);
    return asking.replies[id].status();
  };
  for (int i = 0; i < 5; ++i) EXPECT_EQ(status(), 0);
  unix_s = 1001;
  EXPECT_EQ(status(), kUnauthenticated);
}

TEST_F(GrpcAccessTest, CallsThatAreKnownTakeFromTheRateAsWell) {
  folder.file("tokens", token_line("bo", "slow", "roles=predict rate=1 burst=6"));
  ASSERT_TRUE(access->reload().ok());
  for (int i = 0; i < 8; ++i) {
    begin(kInfer, bearer("slow"));
    if (i < 6) finish(infer_message("a"));
    EXPECT_EQ(peer.replies[last].status(), i < 6 ? 0 : kResourceExhausted) << i;
  }
}

// The stream is one call; it stays open, and its messages are answered again later.
TEST_F(GrpcAccessTest, EachMessageOfAStreamTakesFromTheRate) {
  begin(kStreamInfer, bearer("slow"));
  const GrpcReply& reply = peer.replies[last];
  const std::string limited = "the token's rate limit is reached; retry later";
  for (int i = 0; i < 5; ++i) peer.send(last, grpc_frame(infer_message("a")));
  run(peer, guarded);
  EXPECT_EQ(reply.messages().size(), 5U);
  EXPECT_EQ(errors(reply, limited), 3U);
  EXPECT_FALSE(reply.closed);
  guarded.turn.now += std::chrono::seconds(1);
  peer.send(last, grpc_frame(infer_message("a")));
  finish(infer_message("a"));
  EXPECT_EQ(reply.messages().size(), 7U);
  EXPECT_EQ(errors(reply, limited), 4U);
  EXPECT_EQ(reply.status(), 0);
}

}  // namespace
}  // namespace mlops::testing
