#include "engine/drift_loading.h"

#include <filesystem>

#include "model/text_file.h"
#include "observe/profile_bytes.h"

namespace mlops {
namespace {

constexpr std::size_t kProfileBytesMax = std::size_t{256} << 20;

Status with_reason(const Status& status) {
  return {status.code(), std::string(kProfileFile) + ": " + status.message()};
}

}  // namespace

Result<std::shared_ptr<DriftObserver>> load_drift(const ModelSource& source, const ModelInfo& info,
                                                  const JudgeOptions& judge) {
  using None = std::shared_ptr<DriftObserver>;
  std::string asked;
  if (source.config) {
    const auto found = source.config->parameters.find("drift");
    if (found != source.config->parameters.end()) asked = found->second;
  }
  if (!asked.empty() && asked != "on" && asked != "off") {
    return Status::invalid_argument("parameter 'drift' is '" + asked.substr(0, 64) +
                                    "'; it is on or off");
  }
  if (asked == "off") return None();
  Result<std::string> file = Status::not_found({});
  if (!source.path.empty()) {
    const std::filesystem::path beside = std::filesystem::path(source.path).parent_path();
    file = read_file((beside / kProfileFile).string(), kProfileBytesMax);
  }
  if (!file.ok() && file.status().code() != Code::not_found) return with_reason(file.status());
  if (!file.ok() && asked.empty()) return None();
  if (!info.has_batch_axis || info.decoupled || source.sequences) {
    if (asked.empty()) return None();
    return Status::invalid_argument(
        "parameter 'drift': rows are watched of models that are batched and keep no state");
  }
  DriftOptions options;
  options.judge = judge;
  if (!file.ok()) return DriftObserver::collect(info.signature, options);
  Result<Profile> profile = read_profile(*file);
  if (!profile.ok()) return with_reason(profile.status());
  Result<None> observer = DriftObserver::create(info.signature, profile->reference, options);
  return observer.ok() ? observer : with_reason(observer.status());
}

}  // namespace mlops
