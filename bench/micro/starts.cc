// mlops-starts: what the second load of a model costs when its optimised graph was saved by the
// first.
//
// Every load is in a process of its own, forked before ONNX Runtime is opened; plain and saved ones
// take turns. Prints one JSON object: milliseconds of load_ort_backend (median, lowest, highest)
// and what memory grew by, anonymous and of files, in MiB.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "base/log.h"
#include "execute/graph_cache.h"
#include "execute/ort_backend.h"

namespace mlops::micro {
namespace {

constexpr int kRounds = 9;
constexpr std::uint64_t kCacheBytes = std::uint64_t{16} << 30;

struct Start {
  double ms = -1;
  double anonymous_mib = 0;
  double file_mib = 0;
};

double resident_mib(const std::string& key) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(key)) return std::strtod(line.c_str() + key.size(), nullptr) / 1024;
  }
  return 0;
}

Start load(const std::string& library, const std::string& model, const std::string& cache) {
  NullLog log;
  auto runtime = OrtRuntime::open({library}, log);
  if (!runtime.ok()) return {};
  std::unique_ptr<GraphCache> graphs;
  const double anonymous = resident_mib("RssAnon:");
  const double file = resident_mib("RssFile:");
  const auto began = std::chrono::steady_clock::now();
  if (!cache.empty()) {
    auto opened = GraphCache::open(cache, kCacheBytes);
    if (!opened.ok()) return {};
    graphs = *std::move(opened);
  }
  const auto backend = load_ort_backend(*runtime, model, {}, nullptr, graphs.get());
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - began;
  if (!backend.ok()) return {};
  return {took.count(), resident_mib("RssAnon:") - anonymous, resident_mib("RssFile:") - file};
}

// In a child, so that nothing of one load is left for the next.
Start load_alone(const std::string& library, const std::string& model, const std::string& cache) {
  int ends[2];
  if (::pipe(ends) != 0) return {};
  const pid_t child = ::fork();
  if (child == 0) {
    const Start start = load(library, model, cache);
    const bool told = ::write(ends[1], &start, sizeof start) == sizeof start;
    std::_Exit(told ? 0 : 1);
  }
  ::close(ends[1]);
  Start start;
  if (::read(ends[0], &start, sizeof start) != sizeof start) start.ms = -1;
  ::close(ends[0]);
  ::waitpid(child, nullptr, 0);
  return start;
}

std::string summary(const char* name, std::vector<Start> starts) {
  std::ranges::sort(starts, {}, &Start::ms);
  const Start& middle = starts[starts.size() / 2];
  char text[256];
  std::snprintf(text, sizeof text,
                "\"%s\":{\"ms\":%.1f,\"lowest\":%.1f,\"highest\":%.1f,\"anonymous_mib\":%.1f,"
                "\"file_mib\":%.1f}",
                name, middle.ms, starts.front().ms, starts.back().ms, middle.anonymous_mib,
                middle.file_mib);
  return text;
}

int run(const std::string& library, const std::string& model, const std::string& cache) {
  std::error_code ignored;
  std::vector<Start> first;
  std::vector<Start> plain;
  std::vector<Start> saved;
  for (int round = 0; round < kRounds; ++round) {
    if (round < 3) {
      std::filesystem::remove_all(cache + "/graphs", ignored);
      first.push_back(load_alone(library, model, cache));
    }
    plain.push_back(load_alone(library, model, {}));
    saved.push_back(load_alone(library, model, cache));
    if (first.back().ms < 0 || plain.back().ms < 0 || saved.back().ms < 0) {
      std::fprintf(stderr, "mlops-starts: %s could not be loaded\n", model.c_str());
      return 1;
    }
  }
  std::printf("{\"schema\":\"mlops-starts/1\",%s,%s,%s}\n", summary("plain", plain).c_str(),
              summary("saving", first).c_str(), summary("saved", saved).c_str());
  return 0;
}

}  // namespace
}  // namespace mlops::micro

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: mlops-starts LIBONNXRUNTIME MODEL EMPTY_CACHE_FOLDER\n");
    return 2;
  }
  return mlops::micro::run(argv[1], argv[2], argv[3]);
}
