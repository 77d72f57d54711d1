#include "bindings/describe.h"

#include <pybind11/stl.h>

#include <string_view>

namespace mlops::python {
namespace {

namespace py = pybind11;

py::tuple describe(const std::vector<TensorSpec>& specs) {
  py::tuple all(specs.size());
  for (std::size_t i = 0; i < specs.size(); ++i) {
    const TensorSpec& spec = specs[i];
    all[i] = py::make_tuple(spec.name, kserve_name(spec.dtype),
                            spec.rank_known ? py::object(py::cast(spec.dims)) : py::none(),
                            spec.symbols);
  }
  return all;
}

py::dict latencies(const HistogramSnapshot& ns) {
  constexpr double kPerMicrosecond = 1e3;
  const auto us = [](std::uint64_t value) { return static_cast<double>(value) / kPerMicrosecond; };
  py::dict out;
  out["count"] = ns.count;
  out["mean_us"] = ns.count == 0 ? 0.0 : us(ns.sum) / static_cast<double>(ns.count);
  out["p50_us"] = us(ns.quantile(0.5));
  out["p90_us"] = us(ns.quantile(0.9));
  out["p99_us"] = us(ns.quantile(0.99));
  out["p999_us"] = us(ns.quantile(0.999));
  return out;
}

py::dict describe(const ModelStats& stats) {
  py::dict failures;
  for (std::size_t code = 1; code < stats.failure.size(); ++code) {
    failures[py::str(std::string(code_name(static_cast<Code>(code))))] = stats.failure[code];
  }
  py::dict out;
  out["name"] = stats.name;
  out["version"] = stats.version;
  out["success"] = stats.success;
  out["failure"] = std::move(failures);
  out["inferences"] = stats.inferences;
  out["executions"] = stats.executions;
  out["inline_executions"] = stats.inline_executions;
  out["queued"] = stats.queued;
  out["last_inference_ms"] = stats.last_inference_ms;
  out["mean_batch_rows"] =
      stats.batch_rows.count == 0
          ? 0.0
          : static_cast<double>(stats.batch_rows.sum) / static_cast<double>(stats.batch_rows.count);
  out["cache_hits"] = stats.cache_hit.count;
  out["cache_misses"] = stats.cache_miss.count;
  out["cache_shared"] = stats.cache_shared;
  out["cache_partial"] = stats.cache_partial;
  out["cache_row_hits"] = stats.cache_rows.found;
  out["cache_row_misses"] = stats.cache_rows.missed;
  out["request"] = latencies(stats.request_ns);
  out["queue"] = latencies(stats.queue_ns);
  out["input"] = latencies(stats.input_ns);
  out["infer"] = latencies(stats.infer_ns);
  out["output"] = latencies(stats.output_ns);
  return out;
}

}  // namespace

py::dict describe(const ModelInfo& info) {
  py::dict out;
  out["name"] = info.name;
  out["version"] = info.version;
  out["versions"] = py::tuple(py::cast(info.versions));
  out["platform"] = info.platform;
  out["inputs"] = describe(info.signature.inputs);
  out["outputs"] = describe(info.signature.outputs);
  out["batchable"] = info.batchable;
  out["batch_rows_max"] = info.batch_rows_max;
  out["batching_reason"] = info.batching_reason;
  out["execution"] = info.execution ? info.execution->text() : "";
  return out;
}

py::dict describe(const EngineStats& stats) {
  py::list models;
  for (const ModelStats& model : stats.models) models.append(describe(model));
  py::dict copies;
  for (std::size_t site = 0; site < kCopySites; ++site) {
    copies[py::str(std::string(copy_site_name(static_cast<CopySite>(site))))] =
        stats.copy_bytes[site];
  }
  py::dict out;
  out["models"] = std::move(models);
  out["copy_bytes"] = std::move(copies);
  out["slab_bytes_in_use"] = stats.slab_bytes_in_use;
  py::object cache = py::none();
  if (stats.cache) {
    py::dict kept;
    kept["entries"] = stats.cache->entries;
    kept["bytes_used"] = stats.cache->bytes_used;
    kept["bytes_max"] = stats.cache->bytes_max;
    kept["insertions"] = stats.cache->insertions;
    kept["evictions"] = stats.cache->evictions;
    kept["too_large"] = stats.cache->too_large;
    cache = std::move(kept);
  }
  out["cache"] = std::move(cache);
  return out;
}

}  // namespace mlops::python
