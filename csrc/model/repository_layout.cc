#include "model/repository_layout.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <optional>
#include <system_error>

namespace mlops {
namespace {

namespace fs = std::filesystem;

std::optional<std::int64_t> version_from(const std::string& folder) {
  std::int64_t version = 0;
  const char* end = folder.data() + folder.size();
  const auto [stop, error] = std::from_chars(folder.data(), end, version);
  if (error != std::errc() || stop != end || version <= 0 || folder.front() == '0') return {};
  return version;
}

void list_model(const fs::path& folder, RepositoryListing& listing) {
  const std::string model = folder.filename().string();
  const std::size_t before = listing.entries.size();
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    const auto version = version_from(it->path().filename().string());
    if (!version) continue;
    const fs::path file = it->path() / "model.onnx";
    std::error_code ignored;
    if (fs::exists(file, ignored)) listing.entries.push_back({model, *version, file.string()});
  }
  if (error) {
    listing.skipped.push_back(model + ": " + error.message());
  } else if (listing.entries.size() == before) {
    listing.skipped.push_back(model + ": no <version>/model.onnx inside");
  }
}

}  // namespace

Result<RepositoryListing> list_repository(const std::string& directory) {
  RepositoryListing listing;
  std::error_code error;
  if (!fs::is_directory(directory, error)) {
    return Status::not_found("model repository '" + directory + "' is not a directory");
  }
  for (fs::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
    std::error_code ignored;
    const bool hidden = it->path().filename().string().starts_with('.');
    if (!hidden && it->is_directory(ignored)) list_model(it->path(), listing);
  }
  if (error) {
    return Status::unavailable("cannot read model repository '" + directory +
                               "': " + error.message());
  }
  std::ranges::sort(listing.entries, [](const RepositoryEntry& a, const RepositoryEntry& b) {
    return std::tie(a.model, a.version) < std::tie(b.model, b.version);
  });
  std::ranges::sort(listing.skipped);
  return listing;
}

std::vector<RepositoryEntry> newest_versions(const std::vector<RepositoryEntry>& entries) {
  std::vector<RepositoryEntry> newest;
  for (const RepositoryEntry& entry : entries) {
    if (!newest.empty() && newest.back().model == entry.model) {
      newest.back() = entry;
    } else {
      newest.push_back(entry);
    }
  }
  return newest;
}

}  // namespace mlops
