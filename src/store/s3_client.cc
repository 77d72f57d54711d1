#include "store/s3_client.h"

#include <algorithm>
#include <chrono>

namespace mlops {
namespace {

// What can pass is unavailable, what needs a person is not found.
Status failure(const std::string& what, const HttpAnswered& answered) {
  const int status = answered.head.status;
  const std::string said = s3_error_text(answered.body);
  const std::string text =
      what + ": " + (said.empty() ? "the store answers " + std::to_string(status) : said);
  const bool for_good = status == 400 || status == 401 || status == 403 || status == 404;
  return Status(for_good ? Code::not_found : Code::unavailable, text);
}

}  // namespace

S3Client::S3Client(S3Location location, S3Access access)
    : location_(std::move(location)), access_(std::move(access)), http_(location_.server) {}

Result<HttpAnswered> S3Client::get(const std::string& key, Fields query, Fields headers,
                                   const HttpReplyParser::Body& sink) {
  AwsRequest request;
  request.method = "GET";
  request.host = location_.server.authority();
  const std::string base = location_.server.target == "/" ? "" : location_.server.target;
  request.path = base + "/" + location_.bucket + "/" + aws_encode(key, true);
  for (auto& [name, value] : query) value = aws_encode(value, false);
  std::ranges::sort(query);
  request.query = std::move(query);
  request.headers = headers;
  const auto now = std::chrono::system_clock::now();
  HttpQuestion question;
  question.target = request.path;
  for (std::size_t i = 0; i < request.query.size(); ++i) {
    question.target +=
        (i == 0 ? "?" : "&") + request.query[i].first + "=" + request.query[i].second;
  }
  question.headers = std::move(headers);
  for (auto& header : sign_aws_request(request, access_.credentials, access_.region,
                                       std::chrono::system_clock::to_time_t(now))) {
    question.headers.push_back(std::move(header));
  }
  return http_.ask(question, sink);
}

Result<std::vector<S3Object>> S3Client::list(const std::string& below) {
  std::vector<S3Object> objects;
  std::string token;
  do {
    Fields query = {{"list-type", "2"}, {"prefix", location_.prefix + below}};
    if (!token.empty()) query.emplace_back("continuation-token", token);
    const Result<HttpAnswered> answered = get("", std::move(query), {}, {});
    if (!answered.ok()) return answered.status();
    if (answered->head.status != 200) {
      return failure("bucket '" + location_.bucket + "'", *answered);
    }
    Result<S3Listing> listing = parse_s3_listing(answered->body);
    if (!listing.ok()) return listing.status();
    for (S3Object& object : listing->objects) {
      if (!object.key.starts_with(location_.prefix)) continue;
      object.key.erase(0, location_.prefix.size());
      objects.push_back(std::move(object));
    }
    if (objects.size() > kObjectsMax) {
      return Status::resource_exhausted("bucket '" + location_.bucket + "' has more than " +
                                        std::to_string(kObjectsMax) + " objects there");
    }
    // A store that gives the same token for ever would keep us here.
    if (!listing->next.empty() && (listing->next == token || listing->objects.empty())) {
      return Status::unavailable("the store's list does not come to an end");
    }
    token = std::move(listing->next);
  } while (!token.empty());
  return objects;
}

Status S3Client::fetch(const S3Object& object, const HttpReplyParser::Body& sink) {
  std::uint64_t bytes = 0;
  const auto counting = [&](std::string_view piece) {
    bytes += piece.size();
    return bytes > object.size ? Status::unavailable("it is larger than it was listed")
                               : sink(piece);
  };
  Fields headers;
  if (!object.etag.empty()) headers.emplace_back("if-match", object.etag);
  const Result<HttpAnswered> answered =
      get(location_.prefix + object.key, {}, std::move(headers), counting);
  const std::string what = "object '" + object.key + "'";
  if (!answered.ok()) {
    return Status(answered.status().code(), what + ": " + answered.status().message());
  }
  if (answered->head.status == 412) return Status::unavailable(what + " is being changed");
  if (answered->head.status != 200) return failure(what, *answered);
  const std::string_view etag = answered->head.header("etag");
  if (bytes != object.size || (!etag.empty() && etag != object.etag)) {
    return Status::unavailable(what + " is not what was listed");
  }
  return {};
}

}  // namespace mlops
