#include "execute/graph_cache.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "base/private_folder.h"
#include "execute/file_digest.h"

namespace mlops {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kModelName = "model.onnx";
constexpr std::string_view kDigestsName = "digests";
constexpr std::string_view kDraftPrefix = ".draft-";
constexpr std::size_t kDigestsBytesMax = 4096;
// A process that ended while it wrote has left its draft behind.
constexpr auto kDraftAgeMax = std::chrono::hours(1);

std::string in(const std::string& folder, std::string_view name) {
  return folder + "/" + std::string(name);
}

// not_found is for entries that are not there at all.
Status incomplete(const Status& status) {
  if (status.code() != Code::not_found) return status;
  return Status::invalid_argument(status.message());
}

// What `digests` must say of the files as they are.
Result<std::string> digests_of(const std::string& folder, const std::string& key) {
  std::string text = "mlops optimised graph 1\nkey " + key + "\n";
  for (const std::string_view name : {kModelName, GraphCache::kWeightsName}) {
    // Weights may be gigabytes, and are looked at whole at each start.
    const Result<std::string> digest = name == kModelName ? private_file_digest(in(folder, name))
                                                          : private_file_checksum(in(folder, name));
    // Small models have all their weights in the graph.
    if (digest.status().code() == Code::not_found && name != kModelName) continue;
    if (!digest.ok()) return incomplete(digest.status());
    text.append(*digest).append(" ").append(name) += '\n';
  }
  return text;
}

Status write_text(const std::string& path, const std::string& text) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) return Status::unavailable("'" + path + "' cannot be made");
  const ssize_t written = ::write(file, text.data(), text.size());
  ::close(file);
  if (std::cmp_not_equal(written, text.size())) {
    return Status::unavailable("'" + path + "' cannot be written");
  }
  return {};
}

std::uint64_t bytes_below(const fs::path& folder) {
  std::uint64_t bytes = 0;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    std::error_code gone;
    const auto size = it->file_size(gone);
    if (!gone) bytes += size;
  }
  return bytes;
}

// When an entry was used last; it is written there, because many systems do not note reads.
void note_use(const std::string& folder) {
  static_cast<void>(::utimensat(AT_FDCWD, folder.c_str(), nullptr, 0));  // fails where read-only
}

struct Kept {
  fs::path folder;
  fs::file_time_type used;
  std::uint64_t bytes = 0;
};

// Entries, oldest first. Drafts that nobody fills any more are removed.
std::vector<Kept> kept_entries(const std::string& folder) {
  std::vector<Kept> kept;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    std::error_code gone;
    const auto used = fs::last_write_time(it->path(), gone);
    if (gone) continue;
    if (it->path().filename().string().starts_with(kDraftPrefix)) {
      if (fs::file_time_type::clock::now() - used > kDraftAgeMax) fs::remove_all(it->path(), gone);
      continue;
    }
    kept.push_back({it->path(), used, bytes_below(it->path())});
  }
  std::ranges::sort(kept, {}, &Kept::used);
  return kept;
}

}  // namespace

GraphCache::Draft::~Draft() {
  std::error_code ignored;
  if (!folder_.empty()) fs::remove_all(folder_, ignored);
}

Result<std::unique_ptr<GraphCache>> GraphCache::open(const std::string& directory,
                                                     std::uint64_t bytes_max) {
  const std::string folder = directory + "/graphs";
  if (Status s = make_private_folder(folder); !s.ok()) {
    return Status(s.code(), "cache directory: " + s.message());
  }
  return std::unique_ptr<GraphCache>(new GraphCache(folder, bytes_max));
}

Result<std::string> GraphCache::find(const std::string& key) {
  const std::string folder = entry(key);
  std::error_code error;
  if (fs::symlink_status(folder, error).type() == fs::file_type::not_found) {
    return Status::not_found("no graph " + key);
  }
  if (fs::is_symlink(folder, error)) return Status::invalid_argument("'" + folder + "' is a link");
  if (Status s = check_private_folder(folder); !s.ok()) return s;
  const Result<std::string> expected = digests_of(folder, key);
  if (!expected.ok()) return expected.status();
  const Result<std::string> said = read_private_file(in(folder, kDigestsName), kDigestsBytesMax);
  if (!said.ok()) return incomplete(said.status());
  if (*said != *expected) {
    return Status::invalid_argument("'" + folder + "' is not what was saved there");
  }
  note_use(folder);
  return in(folder, kModelName);
}

std::optional<GraphCache::Draft> GraphCache::begin(const std::string& key, std::uint64_t bytes) {
  if (bytes > bytes_max_) return std::nullopt;
  std::string folder = folder_ + "/" + std::string(kDraftPrefix) + key + "-" +
                       std::to_string(::getpid()) + "-" + std::to_string(++drafts_);
  if (::mkdir(folder.c_str(), 0700) != 0) return std::nullopt;
  return Draft(std::move(folder));
}

Status GraphCache::publish(const std::string& key, Draft draft) {
  std::error_code error;
  for (const std::string_view name : {kModelName, kWeightsName}) {
    // Whoever made them followed the process's umask.
    const std::string file = in(draft.folder_, name);
    if (::chmod(file.c_str(), 0600) != 0 && name == kModelName) {
      return Status::unavailable("'" + file + "' was not written");
    }
  }
  const Result<std::string> digests = digests_of(draft.folder_, key);
  if (!digests.ok()) return digests.status();
  if (Status s = write_text(in(draft.folder_, kDigestsName), *digests); !s.ok()) return s;
  const std::uint64_t bytes = bytes_below(draft.folder_);
  if (bytes > bytes_max_) return Status::resource_exhausted("larger than the whole cache may be");
  make_room(bytes);
  fs::rename(draft.folder_, entry(key), error);
  if (!error) {
    draft.folder_.clear();
  } else if (!fs::exists(entry(key))) {
    return Status::unavailable("'" + entry(key) + "': " + error.message());
  }
  return {};
}

void GraphCache::forget(const std::string& key) {
  std::error_code ignored;
  fs::remove_all(entry(key), ignored);
}

void GraphCache::make_room(std::uint64_t bytes) {
  const std::lock_guard lock(room_);
  std::vector<Kept> kept = kept_entries(folder_);
  std::uint64_t total = bytes;
  for (const Kept& one : kept) total += one.bytes;
  for (const Kept& one : kept) {
    if (total <= bytes_max_) return;
    // Processes that have mapped its weights keep them until they unmap.
    std::error_code ignored;
    fs::remove_all(one.folder, ignored);
    total -= one.bytes;
  }
}

}  // namespace mlops
