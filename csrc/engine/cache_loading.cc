#include "engine/cache_loading.h"

#include <charconv>

#include "execute/onnx_scan.h"

namespace mlops {
namespace {

constexpr char kTtl[] = "response_cache_ttl_s";
constexpr char kVerify[] = "response_cache_verify";
constexpr double kTtlSecondsMax = 365.0 * 86400;

Status refused(const std::string& why) {
  return Status::invalid_argument("response_cache: answers cannot be kept, because " + why);
}

Status check_cacheable(const ModelSource& source, const Backend& backend) {
  if (backend.decoupled()) return refused("the model answers in parts (decoupled)");
  if (source.sequences || backend.stateful()) {
    return refused("the model keeps state between requests");
  }
  if (source.path.empty()) return {};
  const Result<OnnxScan> scan = scan_onnx_file(source.path);
  if (!scan.ok() || scan->random_operators.empty()) return {};  // what cannot be read is no graph
  std::string names;
  for (const std::string& name : scan->random_operators) {
    names += (names.empty() ? "" : ", ") + name;
  }
  return refused("the graph draws random numbers: " + names);
}

const std::string* parameter(const ModelSource& source, const char* name) {
  if (!source.config) return nullptr;
  const auto found = source.config->parameters.find(name);
  return found == source.config->parameters.end() ? nullptr : &found->second;
}

Result<CacheTerms> read_terms(const ModelSource& source) {
  CacheTerms terms;
  if (const std::string* text = parameter(source, kTtl)) {
    double seconds = 0;
    const char* end = text->data() + text->size();
    const auto [stop, error] = std::from_chars(text->data(), end, seconds);
    if (error != std::errc() || stop != end || !(seconds >= 0 && seconds <= kTtlSecondsMax)) {
      return Status::invalid_argument("parameter '" + std::string(kTtl) + "' is '" +
                                      text->substr(0, 64) +
                                      "'; it is a number of seconds up to a year, 0: no limit");
    }
    terms.ttl = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
  }
  if (const std::string* text = parameter(source, kVerify)) {
    if (*text != "on" && *text != "off") {
      return Status::invalid_argument("parameter '" + std::string(kVerify) + "' is '" +
                                      text->substr(0, 64) + "'; it is on or off");
    }
    terms.verify = *text == "on";
  }
  return terms;
}

}  // namespace

Result<std::optional<CacheTerms>> cache_terms(const ModelSource& source, const Backend& backend,
                                              const EngineParts& parts) {
  const bool asked = source.response_cache || (source.config && source.config->response_cache);
  if (!asked) return std::optional<CacheTerms>();
  if (Status s = check_cacheable(source, backend); !s.ok()) return s;
  const Result<CacheTerms> terms = read_terms(source);
  if (!terms.ok()) return terms.status();
  if (!parts.cache.cache) {
    parts.log->log(Severity::warning, "model '" + source.name +
                                          "' asks for a response cache, and there is none: see "
                                          "--response-cache-byte-size");
    return std::optional<CacheTerms>();
  }
  return std::optional<CacheTerms>(*terms);
}

}  // namespace mlops
