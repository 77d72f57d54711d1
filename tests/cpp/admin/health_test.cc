#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "admin/health_facts.h"
#include "admin/health_judge.h"
#include "admin/service_notify.h"
#include "net/fd.h"

namespace mlops {
namespace {

TimePoint at(int seconds) { return TimePoint(std::chrono::seconds(seconds)); }

HealthFacts model(std::uint64_t queued, std::uint64_t executions) {
  ModelStats stats;
  stats.name = "m";
  stats.queued = queued;
  stats.executions = executions;
  HealthFacts facts;
  facts.models.push_back(stats);
  return facts;
}

std::string text_of(const Troubles& troubles) {
  std::string text;
  for (std::size_t i = 0; i < kTroubleCount; ++i) {
    if (troubles[i]) text += std::string(trouble_name(static_cast<Trouble>(i))) + " ";
  }
  return text;
}

TEST(HealthJudge, RequestsThatWaitWhileNothingRunsAreTrouble) {
  HealthJudge judge;
  HealthLimits limits;
  limits.stuck_after = std::chrono::seconds(10);
  EXPECT_EQ(text_of(judge.judge(limits, model(3, 5), at(0))), "");
  EXPECT_EQ(text_of(judge.judge(limits, model(3, 5), at(9))), "");
  EXPECT_EQ(text_of(judge.judge(limits, model(3, 5), at(10))), "stuck ");
  EXPECT_EQ(text_of(judge.judge(limits, model(9, 5), at(11))), "stuck ");
  EXPECT_EQ(text_of(judge.judge(limits, model(9, 6), at(12))), "");
  EXPECT_EQ(text_of(judge.judge(limits, model(9, 6), at(21))), "");
  EXPECT_EQ(text_of(judge.judge(limits, model(0, 6), at(22))), "");  // nobody waits: idle
  EXPECT_EQ(text_of(judge.judge(limits, model(1, 6), at(40))), "");  // and has only just begun to
  EXPECT_EQ(text_of(judge.judge(limits, model(1, 6), at(50))), "stuck ");
  limits.stuck_after = Duration::zero();
  EXPECT_EQ(text_of(judge.judge(limits, model(1, 6), at(99))), "");
}

TEST(HealthJudge, MemoryMustFallSomeWayBeforeItIsWell) {
  HealthJudge judge;
  const HealthLimits limits;
  HealthFacts facts;
  EXPECT_EQ(text_of(judge.judge(limits, facts, at(0))), "");
  facts.memory_share = 0.965;
  EXPECT_EQ(text_of(judge.judge(limits, facts, at(1))), "");
  facts.memory_share = 0.98;
  EXPECT_EQ(text_of(judge.judge(limits, facts, at(2))), "memory ");
  facts.memory_share = 0.96;
  EXPECT_EQ(text_of(judge.judge(limits, facts, at(3))), "memory ");
  facts.memory_share = 0.94;
  EXPECT_EQ(text_of(judge.judge(limits, facts, at(4))), "");
  facts.disk_free = 1 << 20;
  EXPECT_EQ(text_of(judge.judge(limits, facts, at(5))), "disk ");
}

TEST(HealthFacts, ReadsCgroups) {
  EXPECT_EQ(cgroup_path("0::/system.slice/x.service\n"), "/sys/fs/cgroup/system.slice/x.service");
  EXPECT_EQ(cgroup_path("12:memory:/x\n1:name=systemd:/y\n"), "");
  EXPECT_EQ(cgroup_path(""), "");
  const char* stat = "anon 1\ninactive_file 300\nslab 2\n";
  EXPECT_DOUBLE_EQ(*cgroup_memory_share("800\n", "1000\n", stat), 0.5);
  EXPECT_DOUBLE_EQ(*cgroup_memory_share("100\n", "1000\n", stat), 0.0);
  EXPECT_FALSE(cgroup_memory_share("800\n", "max\n", stat));
  EXPECT_FALSE(cgroup_memory_share("", "", ""));
}

TEST(HealthFacts, ReadsThisMachine) {
  const auto share = memory_share_in_use();
  ASSERT_TRUE(share);
  EXPECT_GT(*share, 0.0);
  EXPECT_GT(*least_disk_free({"/", "/no/such/folder"}), 0U);
  EXPECT_FALSE(least_disk_free({"/no/such/folder"}));
}

TEST(ServiceNotify, SendsOneDatagramToAnAbstractSocket) {
  const Fd receiver(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  // Binding to no name gives a free abstract one.
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  ASSERT_EQ(::bind(receiver.get(), reinterpret_cast<sockaddr*>(&address), sizeof(sa_family_t)), 0);
  socklen_t size = sizeof address;
  ASSERT_EQ(::getsockname(receiver.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  const std::string name = "@" + std::string(address.sun_path + 1, size - sizeof(sa_family_t) - 1);
  ServiceNotify(name).send("READY=1");
  char text[200] = {};
  ASSERT_EQ(::recv(receiver.get(), text, sizeof text, MSG_DONTWAIT), 7);
  EXPECT_STREQ(text, "READY=1");
  ServiceNotify("").send("x");
  ServiceNotify("relative").send("x");
  ServiceNotify("/no/such/socket").send("x");
}

}  // namespace
}  // namespace mlops
