#include "store/remote_repositories.h"

namespace mlops {

Result<std::unique_ptr<RemoteRepositories>> RemoteRepositories::open(
    const std::vector<std::string>& places, const std::string& cache, const S3Access& access,
    LogSink& log) {
  auto opened = std::make_unique<RemoteRepositories>();
  for (const std::string& place : places) {
    if (!is_s3_location(place)) {
      opened->directories_.push_back(place);
      continue;
    }
    Result<S3Location> location = parse_s3_location(place, access.endpoint, access.region);
    if (!location.ok()) return location.status();
    const std::string where = location->server.authority() + location->server.target + " " +
                              location->bucket + " " + location->prefix;
    const std::string folder = cache + "/" + sha256_hex(where).substr(0, 16);
    auto mirror = S3Mirror::open(folder, *std::move(location), access, log);
    if (!mirror.ok()) return mirror.status();
    opened->directories_.push_back((*mirror)->repository());
    opened->mirrors_.push_back(*std::move(mirror));
  }
  return opened;
}

Status RemoteRepositories::refresh(const std::string& model) {
  Status failure;
  for (const auto& mirror : mirrors_) {
    Status status = mirror->refresh(model);
    if (failure.ok()) failure = std::move(status);
  }
  return failure;
}

void RemoteRepositories::interrupt() noexcept {
  for (const auto& mirror : mirrors_) mirror->interrupt();
}

}  // namespace mlops
