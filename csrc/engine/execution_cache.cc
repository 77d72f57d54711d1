#include "engine/execution_cache.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "base/private_folder.h"
#include "base/processor_identity.h"
#include "base/sha256.h"
#include "base/version.h"
#include "execute/file_digest.h"

namespace mlops {
namespace {

constexpr std::string_view kFirstLine = "mlops-execution 2\n";
constexpr std::size_t kTextBytesMax = 16 << 10;
constexpr std::array<std::string_view, 3> kBackends = {"onnxruntime", "openvino", "openvino_bf16"};

std::string sha256_of(std::string_view text) {
  Sha256 sha;
  sha.add(text);
  return to_hex(sha.finish());
}

// With its length, so that no two lists of texts add up to the same bytes.
void add_sized(Sha256& sha, std::string_view text) {
  sha.add(std::to_string(text.size()) + ":");
  sha.add(text);
}

std::string one_line(std::string_view text) {
  std::string out(text);
  std::ranges::replace_if(
      out, [](char c) { return c == '\n' || c == '\r' || c == '\0'; }, ' ');
  return out;
}

// Takes "<key> <value>\n" off the front.
std::optional<std::string_view> take_line(std::string_view& text, std::string_view key) {
  if (!text.starts_with(key) || text.size() <= key.size() || text[key.size()] != ' ') {
    return std::nullopt;
  }
  const std::size_t end = text.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view value = text.substr(key.size() + 1, end - key.size() - 1);
  text.remove_prefix(end + 1);
  return value;
}

bool read_whole(std::string_view text, std::int64_t& value) {
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  return error == std::errc() && stop == end;
}

}  // namespace

Result<std::string> execution_key(const std::vector<std::string>& files, const ExecutionWish& wish,
                                  const std::vector<std::string>& versions) {
  Sha256 sha;
  for (const std::string& text :
       {std::string(kFirstLine), std::string(kVersion), processor_identity(),
        std::string(name_of(wish.execution)), std::to_string(static_cast<int>(wish.precision)),
        std::to_string(wish.accuracy_gate)}) {
    add_sized(sha, text);
  }
  for (const std::string& version : versions) add_sized(sha, version);
  for (const std::string& path : files) {
    Sha256 content;
    if (Status s = add_file(path, content); !s.ok()) return s;
    add_sized(sha, to_hex(content.finish()));
  }
  return to_hex(sha.finish());
}

std::string verdict_text(std::string_view key, const ExecutionVerdict& verdict) {
  std::string text(kFirstLine);
  text += "key " + one_line(key) + "\n";
  text += "by " + std::string(kBackends[static_cast<std::size_t>(verdict.by)]) + "\n";
  text += "from_rows " + std::to_string(verdict.from_rows) + "\n";
  text += "magnitude_max " + std::to_string(verdict.magnitude_max) + "\n";
  text += "reason " + one_line(verdict.reason) + "\n";
  return text + "sum " + sha256_of(text) + "\n";
}

std::optional<ExecutionVerdict> parse_verdict(std::string_view text, std::string_view key) {
  if (text.size() > kTextBytesMax || !text.starts_with(kFirstLine)) return std::nullopt;
  std::string_view rest = text.substr(kFirstLine.size());
  const auto of = take_line(rest, "key");
  const auto by = take_line(rest, "by");
  const auto from_rows = take_line(rest, "from_rows");
  const auto magnitude_max = take_line(rest, "magnitude_max");
  const auto reason = take_line(rest, "reason");
  const std::string_view summed = text.substr(0, text.size() - rest.size());
  const auto sum = take_line(rest, "sum");
  if (!of || !by || !from_rows || !magnitude_max || !reason || !sum || !rest.empty())
    return std::nullopt;
  if (*of != key || *sum != sha256_of(summed)) return std::nullopt;
  ExecutionVerdict verdict;
  const auto* const name = std::ranges::find(kBackends, *by);
  if (name == kBackends.end()) return std::nullopt;
  verdict.by = static_cast<ExecutionVerdict::By>(name - kBackends.begin());
  if (!read_whole(*from_rows, verdict.from_rows) || verdict.from_rows < 1) return std::nullopt;
  if (!read_whole(*magnitude_max, verdict.magnitude_max) || verdict.magnitude_max < 0) {
    return std::nullopt;
  }
  verdict.reason = *reason;
  return verdict;
}

std::optional<ExecutionVerdict> ExecutionCache::find(const std::string& key) const {
  if (folder_.empty() || !check_private_folder(folder_).ok()) return std::nullopt;
  const Result<std::string> text = read_private_file(path_of(key), kTextBytesMax);
  if (!text.ok()) return std::nullopt;
  return parse_verdict(*text, key);
}

void ExecutionCache::keep(const std::string& key, const ExecutionVerdict& verdict) const {
  if (folder_.empty() || !make_private_folder(folder_).ok()) return;
  static std::atomic<unsigned> written{0};
  const std::string path = path_of(key);
  const std::string aside =
      path + "." + std::to_string(getpid()) + "." + std::to_string(written.fetch_add(1));
  std::ofstream file(aside, std::ios::binary);
  file << verdict_text(key, verdict);
  file.close();
  std::error_code failed;
  if (file.good()) std::filesystem::rename(aside, path, failed);
  if (!file.good() || failed) std::filesystem::remove(aside, failed);
}

}  // namespace mlops
