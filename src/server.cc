#include "server.h"

#include <algorithm>
#include <array>

#include "admin/server_metrics.h"
#include "base/version.h"
#include "grpc/grpc_names.h"
#include "net/listener.h"

namespace mlops {
namespace {

// Loads run one after the other; those that wait for their turn must not keep the index waiting.
constexpr unsigned kErrandThreads = 16;
constexpr std::size_t kErrandsWaitingMax = 256;
constexpr std::uint64_t kLongestUs = 86'400'000'000;

ServerFacts facts_of(const ServerConfig& config) {
  ServerFacts facts;
  facts.name = config.server_name;
  facts.version = config.server_version.empty() ? std::string(kVersion) : config.server_version;
  return facts;
}

DecodeLimits decode_limits(const ServerConfig& config) {
  DecodeLimits limits;
  limits.body_bytes_max = config.request_bytes_max;
  limits.tensor_bytes_max = config.request_bytes_max;
  return limits;
}

std::chrono::milliseconds ms(std::uint64_t count) { return std::chrono::milliseconds(count); }

// What a reload may change, and nothing else of a service: who may use it stays as it is.
void limit(HttpService& service, const ServerConfig& config) {
  service.decode_limits = decode_limits(config);
  service.limits.head_bytes_max = config.limits.header_bytes_max;
  service.limits.body_bytes_max = config.request_bytes_max;
  service.timeouts.header = ms(config.limits.header_ms());
  service.timeouts.body = ms(config.limits.body_ms());
  service.timeouts.idle = ms(config.limits.idle_timeout_ms);
}

void limit(GrpcService& service, const ServerConfig& config) {
  service.decode_limits = decode_limits(config);
  service.limits.header_bytes_max = config.limits.header_bytes_max;
  service.limits.message_bytes_max = config.request_bytes_max;
  service.timeouts.header = ms(config.limits.header_ms());
  service.timeouts.body = ms(config.limits.body_ms());
  service.timeouts.idle = ms(config.limits.grpc_idle_timeout_ms);
}

HttpService http_service(const ServerConfig& config, const ServerParts& parts,
                         const ServingState& state, SlabPool& bodies, ErrandRunner& errands) {
  HttpService service{.parts = parts,
                      .state = state,
                      .bodies = bodies,
                      .routes = inference_routes(),
                      .limits = {},
                      .timeouts = {},
                      .decode_limits = {},
                      .pipelined_max = 64,
                      .metrics_page = {},
                      .errands = &errands};
  limit(service, config);
  return service;
}

GrpcService grpc_service(const ServerConfig& config, const ServerParts& parts,
                         const ServingState& state, SlabPool& bodies, ErrandRunner& errands) {
  GrpcService service{.parts = parts,
                      .state = state,
                      .bodies = bodies,
                      .limits = {},
                      .timeouts = {},
                      .decode_limits = {},
                      .errands = &errands};
  limit(service, config);
  return service;
}

LoopOptions loop_options(const ServerConfig& config) {
  LoopOptions options;
  // Timeouts are looked at a few times before they pass, and not more than is needed.
  const ConnectionLimits& limits = config.limits;
  const std::uint64_t shortest =
      std::min({limits.header_ms(), limits.body_ms(), limits.idle_timeout_ms,
                limits.grpc_idle_timeout_ms, config.security.handshake_timeout_ms});
  options.tick = std::chrono::milliseconds(std::clamp<std::uint64_t>(shortest / 4, 10, 1000));
  options.busy_poll = std::chrono::microseconds(config.busy_poll_us);
  return options;
}

// Where a full disk would be noticed too late.
std::vector<std::string> written_folders(const OperationsConfig& config) {
  std::vector<std::string> folders;
  for (const std::string& file : {config.log.file, config.trace.file, config.route_file}) {
    if (file.empty()) continue;
    const std::size_t slash = file.rfind('/');
    folders.push_back(slash == file.npos ? "." : file.substr(0, slash + 1));
  }
  folders.push_back(config.store.cache);  // where there is one
  return folders;
}

std::string status_text(std::size_t index) {
  return index < kHttpStatuses.size() ? std::to_string(kHttpStatuses[index]) : "other";
}

constexpr std::array kRequestTables = {
    RequestTable{"http", &LoopStats::http_requests, kHttpRouteCount, kHttpStatuses.size() + 1,
                 [](std::size_t route) {
                   return std::string(http_route_name(static_cast<HttpRoute>(route)));
                 },
                 status_text},
    RequestTable{"grpc", &LoopStats::grpc_requests, kGrpcMethodCount, kGrpcStatusCount,
                 [](std::size_t method) { return std::string(grpc_method_name(method)); },
                 [](std::size_t status) { return std::string(grpc_status_name(status)); }},
};

}  // namespace

Server::Server(const ServerConfig& config, Engine& engine, LogSink& log,
               RepositoryControl* repository, LogControl* log_control,
               std::unique_ptr<OtlpExporter> exporter, std::unique_ptr<RouteFile> routes)
    : log_(log),
      facts_(facts_of(config)),
      bodies_(config.request_memory_bytes_max),
      trace_(config.operations.trace.file, config.operations.trace.settings,
             config.operations.trace.mode),
      trace_file_(trace_, log),
      routes_(std::move(routes)),
      exporter_(std::move(exporter)),
      regions_(config.allow_client_shm ? std::make_unique<SharedRegions>(bodies_, engine.copies())
                                       : nullptr),
      parts_{.engine = engine,
             .facts = facts_,
             .repository = repository,
             .shared_memory = regions_.get(),
             .trace = &trace_,
             .traces = exporter_ ? static_cast<TraceSink*>(exporter_.get()) : &trace_file_,
             .log = log_control,
             .routes = routes_.get()},
      http_(http_service(config, parts_, state_, bodies_, errands_)),
      metrics_(http_),
      admin_(http_),
      grpc_(grpc_service(config, parts_, state_, bodies_, errands_)),
      http_sessions_(http_),
      metrics_sessions_(metrics_),
      admin_sessions_(admin_),
      grpc_sessions_(grpc_),
      errands_(kErrandThreads, kErrandsWaitingMax),
      supervisor_(config.operations.supervisor.notify_socket) {
  metrics_.routes = metrics_routes();
  metrics_.metrics_page = [this, &engine, options = config.metrics] {
    return metrics_text(engine.stats(), options) + metrics_page();
  };
  LoopOptions options = loop_options(config);
  for (unsigned i = 0; i <= config.threads; ++i) {
    if (i == config.threads) options.busy_poll = Duration{0};  // of metrics: nobody is in a hurry
    loops_.push_back(std::make_unique<EventLoop>(engine, clock_, log, options));
  }
  limit_connections(config.limits);
  const auto watchdog = std::chrono::microseconds(
      std::min<std::uint64_t>(config.operations.supervisor.watchdog_us, kLongestUs));
  health_ = std::make_unique<HealthWatch>(
      HealthWatch::Watched{engine, state_, loops_, supervisor_, log}, config.operations.health,
      written_folders(config.operations), watchdog);
}

Server::~Server() { stop(); }

Result<std::unique_ptr<Server>> Server::start(const ServerConfig& config, Engine& engine,
                                              LogSink& log, RepositoryControl* repository,
                                              LogControl* log_control) {
  std::unique_ptr<OtlpExporter> exporter;
  if (config.operations.trace.mode == TraceMode::opentelemetry) {
    auto started = OtlpExporter::start(config.operations.trace.otlp, log);
    if (!started.ok()) return started.status();
    exporter = std::move(*started);
  }
  auto routes = RouteFile::open(config.operations.route_file, engine, log);
  if (!routes.ok()) return routes.status();
  std::unique_ptr<Server> server(new Server(config, engine, log, repository, log_control,
                                            std::move(exporter), *std::move(routes)));
  server->state_.watch(repository);
  if (Status status = server->secure(config); !status.ok()) return status;
  if (Status status = server->listen(config); !status.ok()) return status;
  for (const auto& loop : server->loops_) {
    server->threads_.emplace_back([&loop = *loop] { loop.run(); });
  }
  return server;
}

Status Server::secure(const ServerConfig& config) {
  const auto open = [&config](const TlsFiles& files, TlsProtocol protocol,
                              std::unique_ptr<TlsPort>& port) -> Status {
    if (!files.on) return {};
    const TlsOptions options{files, protocol,
                             std::chrono::milliseconds(config.security.handshake_timeout_ms)};
    Result<std::unique_ptr<TlsPort>> opened = TlsPort::open(options);
    if (!opened.ok()) return opened.status();
    port = *std::move(opened);
    return {};
  };
  const SecurityConfig& security = config.security;
  if (Status s = open(security.http_tls, TlsProtocol::http_1_1, http_tls_); !s.ok()) return s;
  if (Status s = open(security.grpc_tls, TlsProtocol::h2, grpc_tls_); !s.ok()) return s;
  log_warnings();
  if (security.access.on()) {
    Result<std::unique_ptr<Access>> opened = Access::open(security.access);
    if (!opened.ok()) return opened.status();
    access_ = *std::move(opened);
  }
  if (!security.audit_log.empty()) {
    Result<std::unique_ptr<AuditLog>> opened = AuditLog::open(security.audit_log, log_);
    if (!opened.ok()) return opened.status();
    audit_ = *std::move(opened);
  }
  const Gate gate(access_.get(),
                  security.has_admin_door() ? Surface::no_administration : Surface::everything);
  http_.gate = grpc_.gate = gate;
  metrics_.gate = Gate(access_.get(), Surface::everything);
  admin_.gate = Gate(access_.get(), Surface::administration);
  set_restrictions(config);
  for (Gate* restricted : {&http_.gate, &admin_.gate}) {
    restricted->restrict_calls(http_restricted_, "This API is restricted, expecting header '");
  }
  grpc_.gate.restrict_calls(grpc_restricted_,
                            "This protocol is restricted, expecting header "
                            "'triton-grpc-protocol-");
  http_.audit = grpc_.audit = admin_.audit = audit_.get();
  return {};
}

void Server::set_restrictions(const ServerConfig& config) {
  http_restricted_.replace(config.security.http_restricted);
  grpc_restricted_.replace(config.security.grpc_restricted);
}

void Server::log_warnings() {
  for (const TlsPort* port : {http_tls_.get(), grpc_tls_.get()}) {
    if (!port) continue;
    for (const std::string& warning : port->warnings()) log_.log(Severity::warning, warning);
  }
}

Status Server::reload_security() {
  Status first;
  for (TlsPort* port : {http_tls_.get(), grpc_tls_.get()}) {
    Status status = port ? port->reload() : Status();
    if (first.ok()) first = std::move(status);
  }
  log_warnings();
  for (const Status& status :
       {access_ ? access_->reload() : Status(), audit_ ? audit_->reopen() : Status()}) {
    if (first.ok()) first = status;
  }
  return first;
}

struct Server::Port {
  int asked;
  const std::string& host;
  int* opened;
  SessionFactory& factory;
  ChannelFactory* channels;
  ConnectionLimit& limit;
  bool cold;  // served by the last loop
};

Status Server::listen(const ServerConfig& config) {
  const SecurityConfig& security = config.security;
  const std::array<Port, 4> wanted = {{
      {config.http_port, config.http_host(), &ports_.http, http_sessions_, http_tls_.get(),
       http_connections_, false},
      {config.grpc_port, config.grpc_host(), &ports_.grpc, grpc_sessions_, grpc_tls_.get(),
       grpc_connections_, false},
      {config.metrics_port, config.metrics_host(), &ports_.metrics, metrics_sessions_, nullptr,
       metrics_connections_, true},
      {security.admin_port, security.admin_address, &ports_.admin, admin_sessions_, http_tls_.get(),
       admin_connections_, true},
  }};
  for (const Port& port : wanted) {
    if (port.asked < 0) continue;
    const Result<int> opened = open_port(port);
    if (!opened.ok()) return opened.status();
    *port.opened = *opened;
  }
  if (security.admin_socket.empty()) return {};
  Result<UnixListener> opened = UnixListener::open(security.admin_socket);
  if (!opened.ok()) return opened.status();
  admin_socket_ = *std::move(opened);
  return loops_.back()->listen(admin_socket_.take_socket(), admin_sessions_, nullptr,
                               &admin_connections_);
}

Result<int> Server::open_port(const Port& port) {
  const std::size_t count = port.cold ? 1 : loops_.size() - 1;
  Result<Listeners> listeners =
      listen_tcp(port.host, static_cast<std::uint16_t>(port.asked), count);
  if (!listeners.ok()) return listeners.status();
  for (std::size_t i = 0; i < count; ++i) {
    EventLoop& loop = port.cold ? *loops_.back() : *loops_[i];
    if (Status status =
            loop.listen(std::move(listeners->sockets[i]), port.factory, port.channels, &port.limit);
        !status.ok()) {
      return status;
    }
  }
  return static_cast<int>(listeners->port);
}

std::string Server::metrics_page() {
  std::vector<const LoopStats*> stats;
  for (const auto& loop : loops_) stats.push_back(&loop->stats());
  std::string page =
      server_metrics_text(stats, kRequestTables) + process_metrics_text() + cpu_.text();
  page += health_->metrics_text();
  if (parts_.log) {
    page +=
        "# HELP mlops_server_log_lines_lost_total Log lines that could not be written.\n"
        "# TYPE mlops_server_log_lines_lost_total counter\n"
        "mlops_server_log_lines_lost_total " +
        std::to_string(parts_.log->lines_lost()) + "\n";
  }
  if (exporter_) page += exporter_->metrics_text();
  return page;
}

void Server::set_limits(const ServerConfig& config) {
  const std::array<std::pair<const HttpService*, HttpSessionFactory*>, 3> doors = {
      {{&http_, &http_sessions_}, {&metrics_, &metrics_sessions_}, {&admin_, &admin_sessions_}}};
  for (const auto& [service, sessions] : doors) {
    auto limited = std::make_unique<HttpService>(*service);
    limit(*limited, config);
    sessions->use(*limited);
    http_limits_.push_back(std::move(limited));
  }
  auto limited = std::make_unique<GrpcService>(grpc_);
  limit(*limited, config);
  grpc_sessions_.use(*limited);
  grpc_limits_.push_back(std::move(limited));
  limit_connections(config.limits);
}

void Server::limit_connections(const ConnectionLimits& limits) {
  const auto or_all = [&limits](std::size_t own) {
    return own == 0 ? limits.connections_max : own;
  };
  http_connections_.set_max(or_all(limits.http_connections_max));
  grpc_connections_.set_max(or_all(limits.grpc_connections_max));
  metrics_connections_.set_max(limits.metrics_connections_max);
  admin_connections_.set_max(limits.admin_connections_max);
  const std::size_t inference_loops = loops_.size() - 1;
  for (std::size_t i = 0; i < inference_loops; ++i) {
    loops_[i]->set_connections_max(
        std::max<std::size_t>(1, limits.connections_max / inference_loops));
  }
  loops_.back()->set_connections_max(limits.metrics_connections_max + limits.admin_connections_max);
}

bool Server::drain(TimePoint deadline) {
  state_.set_draining();
  for (const auto& loop : loops_) loop->drain();
  const auto drained = [](const auto& loop) { return loop->drained(); };
  while (!std::all_of(loops_.begin(), loops_.end(), drained)) {
    if (clock_.now() >= deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

void Server::stop() {
  routes_->stop();
  health_->stop();
  errands_.stop();
  for (const auto& loop : loops_) loop->stop();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

}  // namespace mlops
