#include "execute/ort_saved_graph.h"

#include <sys/stat.h>

#include <filesystem>
#include <optional>
#include <system_error>
#include <vector>

#include "base/processor_identity.h"
#include "base/version.h"
#include "execute/file_digest.h"

namespace mlops {
namespace {

namespace fs = std::filesystem;

// Folded and prepacked weights are kept beside the others.
constexpr std::uint64_t kGrowth = 2;

std::vector<std::string> model_files(const std::string& model_path, const OnnxScan& scan) {
  std::vector<std::string> files = {model_path};
  const fs::path folder = fs::path(model_path).parent_path();
  for (const std::string& external : scan.external_files) files.push_back(folder / external);
  return files;
}

// Differs once somebody has written to one of the files: a graph that was made meanwhile might be
// of either.
std::string stamp_of(const std::vector<std::string>& files) {
  std::string stamp;
  for (const std::string& file : files) {
    struct stat info {};
    if (::stat(file.c_str(), &info) != 0) return {};
    for (const auto part :
         {std::int64_t{info.st_size}, static_cast<std::int64_t>(info.st_ino),
          std::int64_t{info.st_mtim.tv_sec}, std::int64_t{info.st_mtim.tv_nsec},
          std::int64_t{info.st_ctim.tv_sec}, std::int64_t{info.st_ctim.tv_nsec}}) {
      stamp += std::to_string(part) + " ";
    }
  }
  return stamp;
}

std::uint64_t bytes_of(const std::vector<std::string>& files) {
  std::uint64_t bytes = 0;
  for (const std::string& file : files) {
    std::error_code error;
    const auto size = fs::file_size(file, error);
    if (!error) bytes += size;
  }
  return bytes;
}

// Lengths come first, so that no two lists of texts are one text.
void add_text(Sha256& sha, std::string_view text) {
  sha.add(std::to_string(text.size()) + ":");
  sha.add(text);
}

bool open_saved(GraphCache& graphs, const std::string& key, const OrtRuntime& runtime,
                const std::string& model_path, const OrtOptions& options, OrtModel& model) {
  const Result<std::string> saved = graphs.find(key);
  Status status = saved.status();
  if (status.ok()) {
    SessionFile file{*saved, model_path, true, {}, {}};
    status = open_session(runtime, file, options, model);
    if (status.ok()) return true;
  }
  if (status.code() == Code::not_found) return false;
  runtime.log().log(
      Severity::warning,
      model_path + ": its saved graph is not used and made anew: " + status.message());
  graphs.forget(key);
  return false;
}

bool open_and_save(GraphCache& graphs, const std::string& key, const OrtRuntime& runtime,
                   const SessionFile& plain, const std::vector<std::string>& files,
                   const std::string& stamp, const OrtOptions& options, OrtModel& model) {
  std::optional<GraphCache::Draft> draft = graphs.begin(key, kGrowth * bytes_of(files));
  if (!draft) return false;
  SessionFile file = plain;
  file.save_to = draft->model_path();
  file.weights_name = std::string(GraphCache::kWeightsName);
  if (!open_session(runtime, file, options, model).ok()) return false;
  Status status = stamp == stamp_of(files)
                      ? graphs.publish(key, *std::move(draft))
                      : Status::unavailable("the file changed while it was loaded");
  if (!status.ok()) {
    runtime.log().log(Severity::warning,
                      plain.name + ": its optimised graph was not saved: " + status.message());
  }
  return true;
}

}  // namespace

Result<std::string> saved_graph_key(const OrtRuntime& runtime, const std::string& model_path,
                                    const OnnxScan& scan, const OrtOptions& options) {
  static const std::string processor = processor_identity();
  Sha256 sha;
  for (const std::string_view text :
       {std::string_view("mlops optimised graph 1"), kVersion, std::string_view(runtime.version()),
        std::string_view(runtime.api().GetBuildInfoString()), std::string_view(processor)}) {
    add_text(sha, text);
  }
  add_text(sha, std::to_string(options.graph_optimization_level));
  add_text(sha, std::to_string(options.intra_op_threads));
  for (const std::string& external : scan.external_files) add_text(sha, external);
  for (const std::string& file : model_files(model_path, scan)) {
    Sha256 content;
    if (Status s = add_file(file, content); !s.ok()) return s;
    add_text(sha, to_hex(content.finish()));
  }
  return to_hex(sha.finish());
}

Status open_session_with(GraphCache& graphs, const OrtRuntime& runtime,
                         const std::string& model_path, const OnnxScan& scan,
                         const OrtOptions& options, OrtModel& model) {
  const SessionFile plain{model_path, model_path, false, {}, {}};
  const std::vector<std::string> files = model_files(model_path, scan);
  const std::string stamp = stamp_of(files);
  const Result<std::string> key = saved_graph_key(runtime, model_path, scan, options);
  if (key.ok() && !stamp.empty()) {
    if (open_saved(graphs, *key, runtime, model_path, options, model)) return {};
    if (open_and_save(graphs, *key, runtime, plain, files, stamp, options, model)) return {};
  }
  return open_session(runtime, plain, options, model);
}

}  // namespace mlops
