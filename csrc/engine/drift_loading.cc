#include "engine/drift_loading.h"

#include <algorithm>
#include <filesystem>

#include "model/text_file.h"
#include "observe/profile_bytes.h"

namespace mlops {
namespace {

constexpr std::size_t kProfileBytesMax = std::size_t{256} << 20;

Status with_reason(const Status& status) {
  return {status.code(), std::string(kProfileFile) + ": " + status.message()};
}

// Of a model without a batch axis each request is one row, and all axes are of its columns.
Signature by_rows(Signature signature, bool has_batch_axis) {
  if (has_batch_axis) return signature;
  const auto add_axis = [](TensorSpec& spec) {
    spec.dims.insert(spec.dims.begin(), kAnySize);
    spec.symbols.insert(spec.symbols.begin(), "");
  };
  std::ranges::for_each(signature.inputs, add_axis);
  std::ranges::for_each(signature.outputs, add_axis);
  return signature;
}

}  // namespace

Result<std::shared_ptr<DriftObserver>> load_drift(const ModelSource& source, const ModelInfo& info,
                                                  const Signature& whole,
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
  DriftOptions options;
  options.judge = judge;
  const Signature watched = by_rows(whole, info.has_batch_axis);
  const Signature clients = by_rows(info.signature, info.has_batch_axis);
  if (!file.ok()) {
    if (!info.decoupled) return DriftObserver::collect(watched, clients, options);
    return Status::invalid_argument(
        "parameter 'drift': a decoupled model is watched against a reference.profile alone; what "
        "it takes and what it answers are not of the same rows");
  }
  Result<Profile> profile = read_profile(*file);
  if (!profile.ok()) return with_reason(profile.status());
  Result<None> observer = DriftObserver::create(watched, info.decoupled ? Signature() : clients,
                                                profile->reference, options);
  return observer.ok() ? observer : with_reason(observer.status());
}

Result<std::shared_ptr<InputGuard>> load_guard(const ModelSource& source, const ModelInfo& info,
                                               const DriftObserver* drift) {
  if (!source.config) return std::shared_ptr<InputGuard>();
  Result<InputGuardOptions> options = guard_options(source.config->parameters);
  if (!options.ok()) return options.status();
  if (!options->any()) return std::shared_ptr<InputGuard>();
  if (!info.has_batch_axis || info.decoupled || source.sequences) {
    return Status::invalid_argument(
        "parameters guard_*: only models that are batched and keep no state are guarded");
  }
  if (!drift || drift->epoch()->collecting) {
    return Status::invalid_argument(
        "parameters guard_*: they say what to do with values that are not as in a "
        "reference.profile, and there is none");
  }
  return InputGuard::create(*drift->epoch()->reference, info.signature, *std::move(options));
}

}  // namespace mlops
