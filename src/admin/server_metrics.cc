#include "admin/server_metrics.h"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <fstream>

namespace mlops {
namespace {

void family(std::string& page, std::string_view name, std::string_view help,
            std::string_view type) {
  page.append("# HELP ").append(name).append(" ").append(help).append("\n");
  page.append("# TYPE ").append(name).append(" ").append(type).append("\n");
}

struct Metric {
  std::string_view name;
  std::string_view help;
  std::string_view type;
  LoopCounter LoopStats::*counter;
};

constexpr std::array kMetrics = {
    Metric{"mlops_server_connections_open", "Client connections now", "gauge",
           &LoopStats::connections_open},
    Metric{"mlops_server_connections_accepted_total", "Connections accepted", "counter",
           &LoopStats::connections_accepted},
    Metric{"mlops_server_connections_refused_total", "Connections closed for being over the limit",
           "counter", &LoopStats::connections_refused},
    Metric{"mlops_server_connections_timed_out_total",
           "Connections closed for being too slow or idle", "counter",
           &LoopStats::connections_timed_out},
    Metric{"mlops_server_handshakes_failed_total",
           "TLS handshakes that did not end in a connection", "counter",
           &LoopStats::handshakes_failed},
    Metric{"mlops_server_accept_errors_total", "Failed accepts: no file descriptors, no memory",
           "counter", &LoopStats::accept_errors},
    Metric{"mlops_server_received_bytes_total", "Bytes read from clients", "counter",
           &LoopStats::bytes_received},
    Metric{"mlops_server_sent_bytes_total", "Bytes written to clients", "counter",
           &LoopStats::bytes_sent},
    Metric{"mlops_server_loop_turns_total", "Turns of the event loops", "counter",
           &LoopStats::turns},
    Metric{"mlops_server_loop_polls_total", "Turns that busy polling kept from sleeping", "counter",
           &LoopStats::polls},
    Metric{"mlops_server_completions_mailed_total",
           "Replies that reached an event loop from another thread", "counter",
           &LoopStats::completions_mailed},
    Metric{"mlops_server_calls_abandoned_total", "Requests whose client left before the reply",
           "counter", &LoopStats::calls_abandoned},
};

void append_requests(std::string& page, std::span<const LoopStats* const> loops,
                     const RequestTable& table) {
  for (std::size_t route = 0; route < table.routes; ++route) {
    for (std::size_t status = 0; status < table.statuses; ++status) {
      std::uint64_t total = 0;
      for (const LoopStats* loop : loops) total += (loop->*table.requests)[route][status].value();
      if (total == 0) continue;
      page.append("mlops_server_requests_total{protocol=\"").append(table.protocol);
      page.append("\",route=\"").append(table.route_name(route));
      page.append("\",status=\"").append(table.status_name(status));
      page.append("\"} ").append(std::to_string(total)).append("\n");
    }
  }
}

std::size_t open_files() {
  DIR* folder = ::opendir("/proc/self/fd");
  if (!folder) return 0;
  std::size_t count = 0;
  while (::readdir(folder)) ++count;
  ::closedir(folder);
  return count < 3 ? 0 : count - 3;  // ".", ".." and the folder itself
}

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

void sample(std::string& page, std::string_view name, std::string_view help, std::string_view type,
            double value) {
  family(page, name, help, type);
  char text[40];
  std::snprintf(text, sizeof text, " %.17g\n", value);
  page.append(name).append(text);
}

}  // namespace

std::string server_metrics_text(std::span<const LoopStats* const> loops,
                                std::span<const RequestTable> tables) {
  std::string page;
  for (const Metric& metric : kMetrics) {
    family(page, metric.name, metric.help, metric.type);
    std::uint64_t total = 0;
    for (const LoopStats* loop : loops) total += (loop->*metric.counter).value();
    page.append(metric.name).append(" ").append(std::to_string(total)).append("\n");
  }
  family(page, "mlops_server_requests_total", "Requests answered, by protocol, route and status",
         "counter");
  for (const RequestTable& table : tables) append_requests(page, loops, table);
  return page;
}

std::string process_metrics_text() {
  std::string page;
  rusage usage{};
  if (::getrusage(RUSAGE_SELF, &usage) == 0) {
    sample(page, "process_cpu_seconds_total", "User and system CPU time", "counter",
           seconds(usage.ru_utime) + seconds(usage.ru_stime));
  }
  std::ifstream memory("/proc/self/statm");
  double pages_virtual = 0;
  double pages_resident = 0;
  if (memory >> pages_virtual >> pages_resident) {
    const auto page_bytes = static_cast<double>(::sysconf(_SC_PAGESIZE));
    sample(page, "process_resident_memory_bytes", "Resident memory", "gauge",
           pages_resident * page_bytes);
    sample(page, "process_virtual_memory_bytes", "Virtual memory", "gauge",
           pages_virtual * page_bytes);
  }
  sample(page, "process_open_fds", "Open file descriptors", "gauge",
         static_cast<double>(open_files()));
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    sample(page, "process_max_fds", "Limit of open file descriptors", "gauge",
           static_cast<double>(limit.rlim_cur));
  }
  return page;
}

}  // namespace mlops
