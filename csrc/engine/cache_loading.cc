#include "engine/cache_loading.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "cache/input_cells.h"
#include "execute/onnx_scan.h"

namespace mlops {
namespace {

constexpr char kTtl[] = "response_cache_ttl_s";
constexpr char kVerify[] = "response_cache_verify";
constexpr char kRows[] = "response_cache_rows";
constexpr char kStepOf[] = "response_cache_step:";
constexpr double kWidthMin = 1e-300;
constexpr double kWidthMax = 1e300;
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

Status wrong_value(const std::string& name, const std::string& text, const char* expected) {
  return Status::invalid_argument("parameter '" + name + "' is '" + text.substr(0, 64) +
                                  "'; it is " + expected);
}

// A number from `least` on; the whole text.
std::optional<double> number_in(const std::string& text, double least, double most) {
  double number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stop != end || !(number >= least && number <= most)) {
    return std::nullopt;
  }
  return number;
}

Status read_switch(const ModelSource& source, const char* name, bool& on) {
  const std::string* text = parameter(source, name);
  if (!text) return {};
  if (*text != "on" && *text != "off") return wrong_value(name, *text, "on or off");
  on = *text == "on";
  return {};
}

Status read_steps(const ModelSource& source, const Signature& signature,
                  std::vector<InputStep>& steps) {
  if (!source.config) return {};
  for (const auto& [name, text] : source.config->parameters) {
    if (!name.starts_with(kStepOf)) continue;
    const std::string input = name.substr(std::string_view(kStepOf).size());
    const auto index = signature.input_index(input);
    if (!index || !has_cells(signature.inputs[*index].dtype)) {
      return Status::invalid_argument("parameter '" + name + "': the model has no input '" + input +
                                      "' of floats");
    }
    const auto width = number_in(text, kWidthMin, kWidthMax);
    if (!width) return wrong_value(name, text, "the width of a step, above 0");
    steps.push_back({input, *width});
  }
  return {};
}

Result<CacheTerms> read_terms(const ModelSource& source, const Signature& signature) {
  CacheTerms terms;
  if (const std::string* text = parameter(source, kTtl)) {
    const auto seconds = number_in(*text, 0, kTtlSecondsMax);
    if (!seconds) {
      return wrong_value(kTtl, *text, "a number of seconds up to a year, 0: no limit");
    }
    terms.ttl = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(*seconds));
  }
  Status read = read_switch(source, kVerify, terms.verify);
  if (read.ok()) read = read_switch(source, kRows, terms.rows);
  if (read.ok()) read = read_steps(source, signature, terms.steps);
  return read.ok() ? Result<CacheTerms>(std::move(terms)) : read;
}

}  // namespace

Result<std::optional<CacheTerms>> cache_terms(const ModelSource& source, const Backend& backend,
                                              const EngineParts& parts) {
  const bool asked = source.response_cache || (source.config && source.config->response_cache);
  if (!asked) return std::optional<CacheTerms>();
  if (Status s = check_cacheable(source, backend); !s.ok()) return s;
  const Result<CacheTerms> terms = read_terms(source, backend.signature());
  if (!terms.ok()) return terms.status();
  if (!parts.cache.cache) {
    parts.log->log(Severity::warning, "model '" + source.name +
                                          "' asks for a response cache, and there is none: see "
                                          "--response-cache-byte-size");
    return std::optional<CacheTerms>();
  }
  return std::optional<CacheTerms>(*terms);
}

Status check_cache_terms(const CacheTerms& terms, const ModelInfo& info) {
  if (!terms.rows) return {};
  const std::string asked = std::string(kRows) + ": rows cannot be kept one by one, because ";
  if (!info.batchable) {
    return Status::invalid_argument(asked + "they are not independent: " + info.batching_reason);
  }
  for (const TensorSpec& output : info.signature.outputs) {
    const auto open = std::ranges::count(output.dims, kAnySize);
    if (!output.rank_known || open > 1 || output.dims.empty() || output.dims[0] != kAnySize) {
      return Status::invalid_argument(asked + "output '" + output.name +
                                      "' has a size that its rows do not tell");
    }
  }
  return {};
}

}  // namespace mlops
