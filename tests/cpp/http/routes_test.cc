#include "http/routes.h"

#include <gtest/gtest.h>

#include <set>

namespace mlops {
namespace {

struct RouteCase {
  HttpMethod method;
  const char* path;
  const char* route;  // "405 GET" or "404" when none
  const char* model;
  const char* version;
};

TEST(Routes, MatchTheirTable) {
  constexpr HttpMethod kGet = HttpMethod::get;
  constexpr HttpMethod kPost = HttpMethod::post;
  const RouteCase cases[] = {
      {kGet, "/v2", "server_metadata", "", ""},
      {kGet, "/v2/", "server_metadata", "", ""},
      {HttpMethod::head, "/v2", "server_metadata", "", ""},
      {kGet, "/v2/health/live", "server_live", "", ""},
      {kGet, "/v2/health/ready", "server_ready", "", ""},
      {kGet, "/v2/models/m", "model_metadata", "m", ""},
      {kGet, "/v2/models/m/versions/3", "model_metadata", "m", "3"},
      {kGet, "/v2/models/a%2Fb/ready", "model_ready", "a%2Fb", ""},
      {kGet, "/v2/models/m/versions/12/ready", "model_ready", "m", "12"},
      {kGet, "/v2/models/m/config", "model_config", "m", ""},
      {kGet, "/v2/models/stats", "model_statistics", "", ""},
      {kGet, "/v2/models/m/stats", "model_statistics", "m", ""},
      {kGet, "/v2/models/m/versions/2/stats", "model_statistics", "m", "2"},
      {kPost, "/v2/models/m/infer", "infer", "m", ""},
      {kPost, "/v2/models/m/versions/1/infer", "infer", "m", "1"},
      {kPost, "/v2/repository/index", "repository_index", "", ""},
      {kGet, "/mlops/v1/models/m/drift", "drift", "m", ""},
      {kGet, "/mlops/v1/models/m/versions/2/drift/last/15m", "drift", "m", "2"},
      {kGet, "/mlops/v1/models/m/drift/period-before/1h", "drift", "m", ""},
      {kGet, "/mlops/v1/models/m/versions/2/drift/hours-of-week/6h", "drift", "m", "2"},
      {kGet, "/mlops/v1/models/m/drift/decayed/1d", "drift", "m", ""},
      {kGet, "/mlops/v1/models/m/drift/profile", "drift", "m", ""},
      {kPost, "/mlops/v1/models/m/drift/freeze", "drift", "m", ""},
      {kPost, "/mlops/v1/models/m/versions/2/drift/reference", "drift", "m", "2"},
      {kPost, "/mlops/v1/models/m/drift/collect", "drift", "m", ""},
      {kGet, "/mlops/v1/models/m/versions/2/drift/alerts/since/7", "drift", "m", "2"},
      {kPost, "/mlops/v1/models/m/feedback", "feedback", "m", ""},
      {kGet, "/mlops/v1/models/m/quality/last/1h", "feedback", "m", ""},
      {kGet, "/mlops/v1/models/m/drift/freeze", "405 POST", "", ""},
      {kGet, "/mlops/v1/models/m/route", "route", "m", ""},
      {HttpMethod::put, "/mlops/v1/models/m/route", "route", "m", ""},
      {HttpMethod::delete_, "/mlops/v1/models/m/route", "route", "m", ""},
      {kPost, "/mlops/v1/models/m/route", "405 GET, HEAD, PUT, DELETE", "", ""},
      {kGet, "/mlops/v1/models/m/route/explain/u%2F1", "route", "m", ""},
      {HttpMethod::put, "/v2/models/m/infer", "405 POST", "", ""},
      {kGet, "/", "404", "", ""},
      {kGet, "", "404", "", ""},
      {kGet, "*", "404", "", ""},
      {kGet, "/v3", "404", "", ""},
      {kGet, "/v2/models", "404", "", ""},
      {kGet, "/v2/models/", "404", "", ""},
      {kGet, "/v2/models/m/", "model_metadata", "m", ""},
      {kGet, "/v2//models/m", "404", "", ""},
      {kGet, "/v2/models/m/versions/latest", "404", "", ""},
      {kGet, "/v2/models/m/versions/-1", "404", "", ""},
      {kGet, "/v2/models/m/versions/", "404", "", ""},
      {kPost, "/v2/models/m/infer/more", "404", "", ""},
      {kGet, "/v2/models/m/infer", "405 POST", "", ""},
      {kPost, "/v2", "405 GET, HEAD", "", ""},
      {HttpMethod::other, "/v2/health/live", "405 GET, HEAD", "", ""},
  };
  for (const RouteCase& c : cases) {
    const HttpRouteMatch match = match_route(inference_routes(), c.method, c.path);
    std::string got = "404";
    if (match.entry) {
      got = http_route_name(match.entry->route);
      EXPECT_EQ(match.parts.model, c.model) << c.path;
      EXPECT_EQ(match.parts.version, c.version) << c.path;
    } else if (!match.allow.empty()) {
      got = "405 " + std::string(match.allow);
    }
    EXPECT_EQ(got, c.route) << c.path;
  }
}

TEST(Routes, PercentEncodingIsDecodedOrRefused) {
  std::string out;
  EXPECT_TRUE(percent_decode("plain", out));
  EXPECT_EQ(out, "plain");
  EXPECT_TRUE(percent_decode("a%2fb%C3%A9%25", out));
  EXPECT_EQ(out, "a/b\xC3\xA9%");
  for (const char* bad : {"%", "%4", "a%", "%zz", "%4g", "%00", "x%0"}) {
    EXPECT_FALSE(percent_decode(bad, out)) << bad;
  }
}

TEST(Routes, EveryStatusHasItsReasonAndIndex) {
  std::set<std::size_t> seen;
  for (const int status : kHttpStatuses) {
    EXPECT_NE(http_reason(status), "Unknown") << status;
    seen.insert(http_status_index(status));
  }
  EXPECT_EQ(seen.size(), kHttpStatuses.size());
  EXPECT_EQ(http_status_index(599), kHttpStatuses.size());
}

}  // namespace
}  // namespace mlops
