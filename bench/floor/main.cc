// mlops-floor [--http-port N] [--grpc-port N] [--cpu N]: the least a KServe v2 server can cost on
// this machine. An echo over the transports of mlops-server, without a model, an engine, or limits:
// what budgets are measured against.
#include <sched.h>

#include <charconv>
#include <csignal>
#include <cstdio>
#include <string>
#include <string_view>

#include "floor/server.h"

namespace {

mlops::floor::Server* running =
    nullptr;  // for the signal handler, which can have no other argument

int fail(const std::string& why) {
  std::fprintf(stderr, "mlops-floor: %s\n", why.c_str());
  return 1;
}

bool pin(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<unsigned>(cpu), &set);
  return sched_setaffinity(0, sizeof(set), &set) == 0;
}

}  // namespace

int main(int argc, char** argv) {
  int http_port = 0;
  int grpc_port = 0;
  int cpu = -1;
  for (int i = 1; i < argc; i += 2) {
    const std::string_view name = argv[i];
    int* target = name == "--http-port"   ? &http_port
                  : name == "--grpc-port" ? &grpc_port
                  : name == "--cpu"       ? &cpu
                                          : nullptr;
    if (target == nullptr || i + 1 == argc)
      return fail("usage: [--http-port N] [--grpc-port N] [--cpu N]");
    const std::string_view value = argv[i + 1];
    const auto parsed = std::from_chars(value.data(), value.data() + value.size(), *target);
    if (parsed.ec != std::errc{} || *target < 0 || *target > 65535)
      return fail("not a number: " + std::string(value));
  }
  if (cpu >= 0 && !pin(cpu)) return fail("no such CPU");
  mlops::floor::Server server;
  if (const std::string error = server.listen(static_cast<std::uint16_t>(http_port),
                                              static_cast<std::uint16_t>(grpc_port));
      !error.empty()) {
    return fail(error);
  }
  running = &server;
  std::signal(SIGTERM, [](int) { running->stop(); });
  std::signal(SIGINT, [](int) { running->stop(); });
  std::printf("{\"http_port\": %d, \"grpc_port\": %d}\n", server.http_port(), server.grpc_port());
  std::fflush(stdout);
  server.run();
  return 0;
}
