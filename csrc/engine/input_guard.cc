#include "engine/input_guard.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <iterator>
#include <limits>
#include <string_view>
#include <tuple>

namespace mlops {
namespace {

constexpr std::size_t kChunk = 1024;  // values looked at together
constexpr float kUnbounded = std::numeric_limits<float>::infinity();
constexpr const char* kParameters[kInputFaults] = {"guard_missing", "guard_range",
                                                   "guard_new_category"};

Result<FaultAction> action_of(const std::string& key, const std::string& text) {
  if (text == "pass") return FaultAction::pass;
  if (text == "reject") return FaultAction::reject;
  if (text == "impute" && key != kParameters[2]) return FaultAction::impute;
  if (text == "route") return FaultAction::route;
  return Status::invalid_argument("parameter '" + key + "' is '" + text.substr(0, 64) +
                                  "'; it is pass, reject, route" +
                                  (key == kParameters[2] ? "" : " or impute"));
}

bool read_float(std::string_view text, float& to) {
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), to);
  return error == std::errc() && stop == text.data() + text.size() && !std::isnan(to);
}

bool read_value(std::string_view text, float& to) {
  return read_float(text, to) && std::isfinite(to);
}

bool read_range(std::string_view text, std::pair<float, float>& to) {
  const std::size_t colon = text.find(':');
  return colon != std::string_view::npos && read_float(text.substr(0, colon), to.first) &&
         read_float(text.substr(colon + 1), to.second) && to.first <= to.second;
}

// "name=..,name=..": what is after the last '=' is what `read` reads.
template <typename T>
Status add_each(const std::map<std::string, std::string>& parameters, const char* key,
                bool (*read)(std::string_view, T&), const char* like,
                std::map<std::string, T>& to) {
  const auto found = parameters.find(key);
  if (found == parameters.end()) return {};
  std::string_view text = found->second;
  while (!text.empty()) {
    const std::string_view one = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), one.size() + 1));
    const std::size_t sign = one.rfind('=');
    T value{};
    if (sign == 0 || sign == std::string_view::npos || !read(one.substr(sign + 1), value)) {
      return Status::invalid_argument("parameter '" + std::string(key) + "' has '" +
                                      std::string(one.substr(0, 64)) + "'; it lists " + like);
    }
    to[std::string(one.substr(0, sign))] = value;
  }
  return {};
}

Result<std::int64_t> version_of(const std::string& text) {
  std::int64_t version = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, version);
  if (error != std::errc() || stop != end || version <= 0) {
    return Status::invalid_argument("parameter 'guard_route' is '" + text.substr(0, 64) +
                                    "'; it is a version of this model");
  }
  return version;
}

// A name that is none of them would leave a model without a guard, and nobody would know.
Status check_known(const std::map<std::string, std::string>& parameters) {
  constexpr std::string_view kOthers[] = {"guard_values", "guard_ranges", "guard_route"};
  for (auto at = parameters.lower_bound("guard_"); at != parameters.end(); ++at) {
    if (!at->first.starts_with("guard_")) break;
    if (std::ranges::find(kParameters, at->first) != std::end(kParameters)) continue;
    if (std::ranges::find(kOthers, at->first) != std::end(kOthers)) continue;
    return Status::invalid_argument("parameter '" + at->first.substr(0, 64) +
                                    "' is unknown; guard_missing, guard_range, guard_new_category, "
                                    "guard_values, guard_ranges and guard_route are known");
  }
  return {};
}

// NaN is not.
bool all_between(const float* values, const float* low, const float* high, std::size_t count) {
  bool fine = true;
  for (std::size_t i = 0; i < count; ++i) fine &= values[i] >= low[i] && values[i] <= high[i];
  return fine;
}

const char* what_is(InputFault verdict, bool declared) {
  switch (verdict) {
    case InputFault::missing:
      return "is missing";
    case InputFault::out_of_range:
      return declared ? "is out of its declared range" : "is out of the reference's range";
    case InputFault::new_category:
      return "is of a category that the reference does not have";
  }
  return "";
}

}  // namespace

bool InputGuardOptions::routes() const {
  return std::ranges::count(actions, FaultAction::route) > 0;
}

bool InputGuardOptions::any() const {
  return std::ranges::any_of(actions, [](FaultAction a) { return a != FaultAction::pass; });
}

Result<InputGuardOptions> guard_options(const std::map<std::string, std::string>& parameters) {
  InputGuardOptions options;
  if (Status s = check_known(parameters); !s.ok()) return s;
  for (std::size_t i = 0; i < kInputFaults; ++i) {
    const auto found = parameters.find(kParameters[i]);
    if (found == parameters.end()) continue;
    const Result<FaultAction> action = action_of(found->first, found->second);
    if (!action.ok()) return action.status();
    options.actions[i] = *action;
  }
  Status s = add_each(parameters, "guard_values", &read_value,
                      "names and finite values: distance=0,delay=1.5", options.replacements);
  if (!s.ok()) return s;
  s = add_each(parameters, "guard_ranges", &read_range,
               "names, least and greatest values: distance=15:5000,delay=-60:1440", options.ranges);
  if (!s.ok()) return s;
  const auto route = parameters.find("guard_route");
  if (route != parameters.end()) {
    const Result<std::int64_t> version = version_of(route->second);
    if (!version.ok()) return version.status();
    options.route_version = *version;
  }
  if (options.routes() != (options.route_version > 0)) {
    return Status::invalid_argument(
        "parameters guard_*: 'route' and 'guard_route', the version that answers instead, come "
        "together");
  }
  return options;
}

Result<std::shared_ptr<InputGuard>> InputGuard::create(const Reference& reference,
                                                       const Signature& signature,
                                                       InputGuardOptions options) {
  Result<std::vector<ColumnRun>> runs = plan_columns(reference, signature);
  if (!runs.ok()) return runs.status();
  std::shared_ptr<InputGuard> guard(new InputGuard(std::move(options)));
  guard->bounds_.resize(reference.streams.size());
  guard->lowest_.assign(reference.streams.size(), -kUnbounded);
  guard->highest_.assign(reference.streams.size(), kUnbounded);
  for (ColumnRun& run : *runs) {
    if (run.role != StreamRole::input) continue;
    if (Status s = guard->add(run, reference, signature.inputs[run.tensor]); !s.ok()) return s;
  }
  if (guard->runs_.empty()) {
    return Status::invalid_argument("the reference has no stream of the model's inputs to guard");
  }
  if (Status s = guard->check_names(); !s.ok()) return s;
  return guard;
}

Status InputGuard::check_names() const {
  const auto unknown = [&](const char* key, const std::string& name) {
    return Status::invalid_argument("parameter '" + std::string(key) + "' names '" + name +
                                    "', which is no input of the reference");
  };
  for (const auto& each : options_.replacements) {
    const auto found = std::ranges::find(bounds_, each.first, &Bounds::label);
    if (found == bounds_.end()) return unknown("guard_values", each.first);
  }
  for (const auto& each : options_.ranges) {
    const auto found = std::ranges::find(bounds_, each.first, &Bounds::label);
    if (found == bounds_.end()) return unknown("guard_ranges", each.first);
    if (!found->numeric) {
      return Status::invalid_argument("parameter 'guard_ranges' names '" + each.first +
                                      "', which is a category");
    }
  }
  return {};
}

Status InputGuard::add(const ColumnRun& run, const Reference& reference, const TensorSpec& spec) {
  const auto action = [&](InputFault v) { return options_.actions[static_cast<int>(v)]; };
  const bool floats = spec.dtype == DType::f32 || spec.dtype == DType::f64;
  for (std::size_t i = run.to; i < run.to + run.count; ++i) {
    const StreamReference& stream = reference.streams[i];
    Bounds& bounds = bounds_[i];
    bounds = {stream.name.label,     stream.counts.kind == StreamKind::numeric,
              stream.numeric.min,    stream.numeric.max,
              stream.numeric.median, false};
    const auto declared = options_.replacements.find(bounds.label);
    if (declared != options_.replacements.end()) bounds.replacement = declared->second;
    const auto range = options_.ranges.find(bounds.label);
    if (range != options_.ranges.end()) {
      bounds.declared = true;
      std::tie(bounds.min, bounds.max) = range->second;
    }
    const bool imputes = action(InputFault::missing) == FaultAction::impute ||
                         action(InputFault::out_of_range) == FaultAction::impute;
    if (imputes && bounds.numeric && !floats) {
      return Status::invalid_argument("stream '" + bounds.label + "' of input '" + spec.name +
                                      "' cannot be imputed: values are of FP32 and FP64 inputs");
    }
    if (!bounds.numeric) {
      highest_[i] = kOtherCode;
    } else if (action(InputFault::out_of_range) != FaultAction::pass) {
      lowest_[i] = bounds.min;
      highest_[i] = bounds.max;
    }
  }
  runs_.push_back(run);
  columns_.push_back(*columns_of(spec));
  return {};
}

Status InputGuard::check(Request& request, const Resolved& resolved) {
  bool copied = false;
  std::size_t tensor = 0;
  for (std::size_t i = 0; i < runs_.size(); ++i) {
    const ColumnRun& run = runs_[i];
    NamedTensor& input = request.inputs[resolved.input(run.tensor)];
    if (run.tensor != tensor) copied = false;  // runs are in the reference's order
    tensor = run.tensor;
    const auto visit = [&](std::size_t stream, float value, const Place& place) {
      return act(stream, value, place, input, copied);
    };
    if (Status s = search(run, columns_[i], input, visit); !s.ok()) {
      rejected_.fetch_add(1, std::memory_order_relaxed);
      return s;
    }
  }
  return {};
}

std::optional<std::int64_t> InputGuard::elsewhere(const Request& request,
                                                  const Resolved& resolved) const {
  if (!options_.routes()) return std::nullopt;
  const auto visit = [&](std::size_t stream, float value, const Place&) {
    const InputFault fault = fault_of(stream, value);
    const bool routed = options_.actions[static_cast<std::size_t>(fault)] == FaultAction::route;
    return routed ? Status::cancelled("another version") : Status();
  };
  for (std::size_t i = 0; i < runs_.size(); ++i) {
    const NamedTensor& input = request.inputs[resolved.input(runs_[i].tensor)];
    const Status found = search(runs_[i], columns_[i], input, visit);
    if (found.code() == Code::cancelled) return options_.route_version;
  }
  return std::nullopt;
}

// Some rows at a time of as many columns as fit.
Status InputGuard::search(const ColumnRun& run, std::size_t columns, const NamedTensor& input,
                          const Visit& visit) const {
  const Shape& shape = input.tensor.shape;
  const auto rows = shape.rank() == 0 || columns == 0 ? 0 : static_cast<std::size_t>(shape[0]);
  float values[kChunk];
  for (std::size_t from = 0; from < run.count; from += kChunk) {
    ColumnRun part = run;
    part.from += from;
    part.to += from;
    part.count = std::min(run.count - from, kChunk);
    const float* const low = lowest_.data() + part.to;
    const float* const high = highest_.data() + part.to;
    const std::size_t step = kChunk / part.count;
    for (std::size_t row = 0; row < rows; row += step) {
      const std::size_t here = std::min(step, rows - row);
      if (!stage_run(part, input.tensor, columns, row, here, values, part.count)) {
        return Status::invalid_argument("input '" + std::string(input.name) + "' is cut short");
      }
      for (std::size_t r = 0; r < here; ++r) {
        const float* const of_row = values + r * part.count;
        if (all_between(of_row, low, high, part.count)) continue;
        const Place place{row + r, part.from, columns};
        if (Status s = search_row(part, of_row, place, visit); !s.ok()) return s;
      }
    }
  }
  return {};
}

// `place`: of the run's first column.
Status InputGuard::search_row(const ColumnRun& run, const float* values, Place place,
                              const Visit& visit) const {
  for (std::size_t i = run.to; i < run.to + run.count; ++i, ++values, ++place.column) {
    if (*values >= lowest_[i] && *values <= highest_[i]) continue;
    if (Status s = visit(i, *values, place); !s.ok()) return s;
  }
  return {};
}

InputFault InputGuard::fault_of(std::size_t stream, float value) const {
  if (std::isnan(value)) return InputFault::missing;
  return bounds_[stream].numeric ? InputFault::out_of_range : InputFault::new_category;
}

Status InputGuard::act(std::size_t stream, float value, const Place& place, NamedTensor& input,
                       bool& copied) {
  const Bounds& bounds = bounds_[stream];
  const InputFault verdict = fault_of(stream, value);
  const FaultAction action = options_.actions[static_cast<std::size_t>(verdict)];
  if (action == FaultAction::pass || (action == FaultAction::impute && !bounds.numeric)) return {};
  if (action == FaultAction::route) {
    return Status::unavailable("'" + bounds.label + "' " + what_is(verdict, bounds.declared) +
                               ", and version " + std::to_string(options_.route_version) +
                               ", which answers such requests, is not there");
  }
  if (action == FaultAction::reject) {
    return Status::invalid_argument("'" + bounds.label + "' " + what_is(verdict, bounds.declared) +
                                    ": row " + std::to_string(place.row) + ", column " +
                                    std::to_string(place.column) + " of input '" +
                                    std::string(input.name) + "'");
  }
  Tensor& tensor = input.tensor;
  if (!copied) {
    Buffer own = allocate_buffer(tensor.bytes.size());
    if (!own) return Status::resource_exhausted("no memory for an input with imputed values");
    std::memcpy(own->data(), tensor.bytes.data(), tensor.bytes.size());
    tensor.bytes = {own->data(), tensor.bytes.size()};
    tensor.owner = std::move(own);
    copied = true;
  }
  const std::size_t element = place.row * place.columns + place.column;
  std::byte* const to = tensor.owner->data() + element * size_of(tensor.dtype);
  if (tensor.dtype == DType::f32) {
    std::memcpy(to, &bounds.replacement, sizeof(float));
  } else {
    const auto wide = static_cast<double>(bounds.replacement);
    std::memcpy(to, &wide, sizeof(double));
  }
  imputed_.fetch_add(1, std::memory_order_relaxed);
  return {};
}

InputGuardCounts InputGuard::counts() const {
  return {rejected_.load(std::memory_order_relaxed), imputed_.load(std::memory_order_relaxed),
          routed_.load(std::memory_order_relaxed)};
}

}  // namespace mlops
