#include "model/model_folder.h"

#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <optional>
#include <system_error>

#include "model/pbtxt.h"
#include "model/text_file.h"

namespace mlops {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kConfigBytesMax = std::size_t{1} << 20;
constexpr std::size_t kFilesMax = 4096;  // of one version, for the digest

class Digest {
 public:
  explicit Digest(std::uint64_t start = 0xcbf29ce484222325U) : value_(start) {}

  void add(std::string_view bytes) {
    for (const char byte : bytes) {
      value_ = (value_ ^ static_cast<unsigned char>(byte)) * 0x100000001b3U;
    }
  }
  void add(std::uint64_t number) {
    for (int i = 0; i < 8; ++i) {
      value_ = (value_ ^ (number & 0xFF)) * 0x100000001b3U;
      number >>= 8;
    }
  }
  // What changes when a file is written or replaced.
  void add_file(const fs::path& path) {
    struct stat found {};
    if (::stat(path.c_str(), &found) != 0) return add("gone");
    add(path.filename().string());
    add(static_cast<std::uint64_t>(found.st_size));
    add(static_cast<std::uint64_t>(found.st_ino));
    add(static_cast<std::uint64_t>(found.st_mtim.tv_sec));
    add(static_cast<std::uint64_t>(found.st_mtim.tv_nsec));
  }
  std::uint64_t value() const { return value_; }

 private:
  std::uint64_t value_;
};

std::optional<std::int64_t> version_from(const std::string& folder) {
  std::int64_t version = 0;
  const char* end = folder.data() + folder.size();
  const auto [stop, error] = std::from_chars(folder.data(), end, version);
  if (error != std::errc() || stop != end || version <= 0 || folder.front() == '0') return {};
  return version;
}

// Folders of models hold few files; one that holds very many is digested by its first ones.
void add_tree(const fs::path& folder, Digest& digest) {
  std::vector<fs::path> paths;
  std::error_code error;
  for (fs::recursive_directory_iterator it(folder, error), end;
       !error && it != end && paths.size() < kFilesMax; it.increment(error)) {
    paths.push_back(it->path());
  }
  std::ranges::sort(paths);
  for (const fs::path& path : paths) {
    std::error_code ignored;
    if (!fs::is_directory(path, ignored)) digest.add_file(path);
  }
}

Status read_config(ModelFolder& folder) {
  const Result<std::string> text =
      read_file(folder.path + "/" + std::string(kConfigFile), kConfigBytesMax);
  if (text.status().code() == Code::not_found) return {};
  if (!text.ok()) return text.status();
  const Result<ConfigValue> tree = parse_pbtxt(*text);
  if (!tree.ok()) return tree.status();
  Result<ReadModelConfig> read = read_model_config(*tree);
  if (!read.ok()) return read.status();
  folder.unused = std::move(read->unused);
  folder.config = std::make_shared<const ModelConfig>(std::move(read->config));
  return {};
}

bool needs_model_file(const ModelConfig* config) {
  if (!config) return true;
  if (config->is_ensemble()) return false;
  return config->backend.empty() || config->backend == "onnxruntime";
}

// Everything outside the version folders that a version is made of.
std::uint64_t shared_digest(const ModelFolder& folder) {
  Digest digest;
  digest.add_file(folder.path + "/" + std::string(kConfigFile));
  if (!folder.config) return digest.value();
  for (const TensorConfig& output : folder.config->outputs) {
    if (!output.label_filename.empty()) digest.add_file(folder.path + "/" + output.label_filename);
  }
  if (!folder.config->warmup.empty()) add_tree(folder.path + "/warmup", digest);
  return digest.value();
}

void find_versions(ModelFolder& folder) {
  const bool needs_file = needs_model_file(folder.config.get());
  const std::uint64_t shared = shared_digest(folder);
  std::error_code error;
  for (fs::directory_iterator it(folder.path, error), end; !error && it != end;
       it.increment(error)) {
    const auto version = version_from(it->path().filename().string());
    std::error_code ignored;
    if (!version || !it->is_directory(ignored)) continue;
    // A link counts even when it leads nowhere, so that loading says so.
    const fs::file_status file = fs::symlink_status(folder.model_path(*version), ignored);
    if (needs_file && !fs::exists(file)) continue;
    Digest digest(shared);
    add_tree(it->path(), digest);
    folder.versions.emplace(*version, digest.value());
  }
  if (error) {
    folder.status = Status::unavailable("cannot read the folder: " + error.message());
  } else if (folder.versions.empty()) {
    const std::string file = fs::path(folder.model_path(1)).filename().string();
    folder.status =
        Status::not_found("no <version>/" + (needs_file ? file : std::string()) + " inside");
  }
}

}  // namespace

std::vector<std::int64_t> ModelFolder::served_versions() const {
  std::vector<std::int64_t> available;
  for (const auto& [version, digest] : versions) available.push_back(version);
  const bool chosen = config && config->version_policy;
  return (chosen ? *config->version_policy : VersionPolicy()).select(std::move(available));
}

std::string ModelFolder::model_path(std::int64_t version) const {
  const bool named = config && !config->default_model_filename.empty();
  return path + "/" + std::to_string(version) + "/" +
         (named ? config->default_model_filename : std::string(kModelFile));
}

ModelFolder read_model_folder(const std::string& path, std::shared_ptr<const ModelConfig> given) {
  ModelFolder folder;
  folder.path = path;
  folder.name = fs::path(path).filename().string();
  folder.config = std::move(given);
  folder.status = check_model_name(folder.name);
  if (!folder.status.ok()) return folder;
  if (!folder.config) {
    if (Status s = read_config(folder); !s.ok()) {
      folder.status = Status(s.code(), std::string(kConfigFile) + ": " + s.message());
      return folder;
    }
  }
  if (folder.config && !folder.config->name.empty() && folder.config->name != folder.name) {
    folder.status =
        Status::invalid_argument("the configuration is named '" + folder.config->name +
                                 "' and its folder '" + folder.name + "'; they must be equal");
    return folder;
  }
  find_versions(folder);
  return folder;
}

Result<std::vector<ModelFolder>> read_repository(const std::string& directory) {
  std::error_code error;
  if (!fs::is_directory(directory, error)) {
    return Status::not_found("model repository '" + directory + "' is not a directory");
  }
  std::vector<ModelFolder> folders;
  for (fs::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
    std::error_code ignored;
    const bool hidden = it->path().filename().string().starts_with('.');
    if (!hidden && it->is_directory(ignored)) {
      folders.push_back(read_model_folder(it->path().string()));
    }
  }
  if (error) {
    return Status::unavailable("cannot read model repository '" + directory +
                               "': " + error.message());
  }
  std::ranges::sort(folders, std::less<>(), &ModelFolder::name);
  return folders;
}

Status check_model_name(std::string_view name) {
  constexpr std::size_t kModelNameBytesMax = 255;  // no folder's name is longer
  constexpr std::string_view kSpace = " \t\n\r\f\v";
  const std::size_t first = name.find_first_not_of(kSpace);
  if (first == std::string_view::npos) {
    return Status::invalid_argument(
        "Model name cannot be empty. Please enter a valid name to deploy.");
  }
  const std::string_view word = name.substr(first, name.find_last_not_of(kSpace) - first + 1);
  if (word == "." || word == ".." || name.find_first_of("/\\") != std::string_view::npos) {
    return Status::invalid_argument("model name must not contain path traversal characters");
  }
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 127; };
  if (std::ranges::any_of(name, is_control)) {
    return Status::invalid_argument("the model name holds control characters");
  }
  if (name.size() > kModelNameBytesMax) {
    return Status::invalid_argument("the model name is longer than " +
                                    std::to_string(kModelNameBytesMax) + " bytes");
  }
  return {};
}

}  // namespace mlops
