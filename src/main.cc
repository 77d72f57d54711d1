// mlops-server: parse → build → listen → load → wait → drain.
//
// Read next: config.cc (what can be set), server.cc (ports, loops and services composed),
// net/event_loop.h (one turn: read, submit, send), http/http_connection.cc and
// grpc/grpc_connection.cc (requests in, replies out), and csrc/engine/pipeline.cc (what happens to
// a request in between).

#include <cstdio>

#include "base/version.h"
#include "config.h"
#include "parent_death.h"
#include "run_server.h"
#include "tls/tls_port.h"

int main(int argc, char** argv) {
  using namespace mlops;
  const std::span<const char* const> arguments(argv + 1, static_cast<std::size_t>(argc - 1));
  const Result<ServerConfig> config = parse_config(arguments, process_environment);
  if (!config.ok()) {
    std::fprintf(stderr, "mlops-server: %s\n", config.status().message().c_str());
    return 2;
  }
  if (config->help) {
    std::fputs(help_text().c_str(), stdout);
    return 0;
  }
  if (config->version) {
    std::printf("mlops-server %s (%s)\n", std::string(kVersion).c_str(), tls_library_version());
    return 0;
  }
  if (!end_with_parent(process_environment(kParentVariable))) {
    std::fputs("mlops-server: the process that started this one has ended\n", stderr);
    return 1;
  }
  if (config->check_only) return check_server(*config);
  return run_server(*config, [&] { return parse_config(arguments, process_environment); });
}
