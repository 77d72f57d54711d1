#pragma once
// The transports around an engine: ports, event loops and their threads, composed once.
//
// start() listens at once, so that liveness is answered while models load; readiness follows
// set_loaded(). The engine must outlive the threads (stop()) and be gone before the Server is
// destroyed, for late completions are posted to the loops. One thread drives a Server.

#include <memory>
#include <thread>
#include <vector>

#include "access/access.h"
#include "admin/audit_log.h"
#include "admin/cpu_metrics.h"
#include "admin/route_file.h"
#include "admin/trace_file.h"
#include "config.h"
#include "engine/engine.h"
#include "grpc/grpc_service.h"
#include "health_watch.h"
#include "http/http_service.h"
#include "net/connection_limit.h"
#include "net/event_loop.h"
#include "net/unix_listener.h"
#include "shm/shared_regions.h"
#include "telemetry/otlp_exporter.h"
#include "tls/tls_port.h"

namespace mlops {

struct ServerPorts {
  int http = -1;  // -1: off
  int grpc = -1;
  int metrics = -1;
  int admin = -1;
};

class Server {
 public:
  // `engine` and `log` as above.
  static Result<std::unique_ptr<Server>> start(const ServerConfig& config, Engine& engine,
                                               LogSink& log,
                                               RepositoryControl* repository = nullptr,
                                               LogControl* log_control = nullptr);
  ~Server();

  const ServerPorts& ports() const { return ports_; }
  void set_loaded() { state_.set_loaded(); }
  // Who started the process, if it wants to hear from it.
  const ServiceNotify& supervisor() const { return supervisor_; }

  // Reads certificates, keys and tokens again, the audit log anew; what cannot be used leaves
  // things as they are, and is the status. Any thread; blocks on disk.
  Status reload_security();
  // Which calls need a header, and its value; for open connections too. One thread at a time.
  void set_restrictions(const ServerConfig& config);

  // Not ready any more, no new connections, requests in flight are answered; blocks until all
  // connections are closed or `deadline`. True when none was left.
  bool drain(TimePoint deadline);
  void stop();  // ends the threads; open connections are cut when the Server goes

  // Limits and timeouts of connections that are accepted from now on. Who may do what stays.
  void set_limits(const ServerConfig& config);
  TraceControl& trace() { return trace_; }
  HealthWatch& health() { return *health_; }

 private:
  Server(const ServerConfig& config, Engine& engine, LogSink& log, RepositoryControl* repository,
         LogControl* log_control, std::unique_ptr<OtlpExporter> exporter,
         std::unique_ptr<RouteFile> routes);
  Status secure(const ServerConfig& config);
  void log_warnings();
  Status listen(const ServerConfig& config);
  struct Port;
  Result<int> open_port(const Port& port);
  std::string metrics_page();
  void limit_connections(const ConnectionLimits& limits);

  LogSink& log_;
  SteadyClock clock_;
  ServingState state_;
  CpuMetrics cpu_;
  ServerFacts facts_;
  SlabPool bodies_;
  TraceControl trace_;
  TraceFile trace_file_;
  std::unique_ptr<RouteFile> routes_;
  std::unique_ptr<OtlpExporter> exporter_;  // null unless traces go to a collector
  std::unique_ptr<SharedRegions> regions_;  // null unless clients may share memory
  ServerParts parts_;
  ConnectionLimit http_connections_{0};
  ConnectionLimit grpc_connections_{0};
  ConnectionLimit metrics_connections_{0};
  ConnectionLimit admin_connections_{0};
  HttpService http_;
  HttpService metrics_;
  HttpService admin_;
  GrpcService grpc_;
  HttpSessionFactory http_sessions_;
  HttpSessionFactory metrics_sessions_;
  HttpSessionFactory admin_sessions_;
  GrpcSessionFactory grpc_sessions_;
  std::unique_ptr<Access> access_;   // null: everybody may do everything
  std::unique_ptr<AuditLog> audit_;  // null: nothing is written down
  RestrictionsInForce http_restricted_;
  RestrictionsInForce grpc_restricted_;
  UnixListener admin_socket_;
  std::unique_ptr<TlsPort> http_tls_;  // null: not encrypted
  std::unique_ptr<TlsPort> grpc_tls_;
  ServerPorts ports_;
  // The last loop serves metrics and administration alone: a scrape never delays a prediction.
  std::vector<std::unique_ptr<EventLoop>> loops_;
  std::vector<std::thread> threads_;
  ErrandRunner errands_;
  // Old ones stay, for connections that were opened with them.
  std::vector<std::unique_ptr<const HttpService>> http_limits_;
  std::vector<std::unique_ptr<const GrpcService>> grpc_limits_;
  ServiceNotify supervisor_;
  std::unique_ptr<HealthWatch> health_;  // last: it looks at the loops
};

}  // namespace mlops
