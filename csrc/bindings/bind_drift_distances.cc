// Distances between counts, for Python: arrays of numbers in, a dict of numbers out.

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <tuple>
#include <vector>

#include "bindings/bind.h"
#include "bindings/drift_counts.h"
#include "observe/stream_comparison.h"

namespace mlops::python {
namespace {

namespace py = pybind11;

py::dict rates_out(const OwnRates& rates) {
  return py::dict(py::arg("missing") = rates.missing, py::arg("infinite") = rates.infinite,
                  py::arg("out_of_range") = rates.out_of_range,
                  py::arg("other_category") = rates.other_category,
                  py::arg("new_category") = rates.new_category);
}

py::dict nominal_out(const NominalDistances& d, const ChanceOf& chance) {
  return py::dict(
      py::arg("cells") = d.cells, py::arg("psi") = d.psi, py::arg("psi_debiased") = d.psi_debiased,
      py::arg("psi_p") = chance.psi, py::arg("js_distance") = d.js_distance(),
      py::arg("js_divergence") = d.js_divergence, py::arg("hellinger") = d.hellinger,
      py::arg("chi2") = d.chi2, py::arg("chi2_p") = chance.chi2, py::arg("g") = d.g,
      py::arg("g_p") = chance.g, py::arg("cramers_v") = d.cramers_v, py::arg("linf") = d.linf);
}

void add_ordered(py::dict& to, const StreamComparison& c, const ChanceOf& chance) {
  const OrderedDistances& d = c.ordered;
  to["ks"] = d.ks;
  to["ks_upper"] = d.ks_upper;
  to["ks_p"] = chance.ks;
  to["kuiper"] = d.kuiper;
  to["kuiper_p"] = chance.kuiper;
  to["cvm"] = d.cvm;
  to["cvm_p"] = chance.cvm;
  to["ad"] = d.ad;
  to["w1"] = d.w1;
  to["w1_per_iqr"] = c.w1_per_iqr;
  to["w1_per_std"] = c.w1_per_std;
  to["energy"] = d.energy;
  to["mean_difference"] = c.moments.mean_difference;
  to["std_reference"] = c.moments.std_reference;
  to["std_window"] = c.moments.std_window;
}

py::dict compare_counts(bool categorical, const NumpyArray<std::uint64_t>& reference,
                        const NumpyArray<std::uint64_t>& window,
                        const MomentsTuple& reference_moments, const MomentsTuple& window_moments,
                        const std::vector<float>& edges, const std::vector<float>& quantiles,
                        float min, float max) {
  const StreamKind kind = categorical ? StreamKind::categorical : StreamKind::numeric;
  const StreamCounts before = counts_in(kind, reference, reference_moments);
  const StreamCounts now = counts_in(kind, window, window_moments);
  if (!before.combines_with(now)) {
    throw_unless_ok(Status::invalid_argument("the counts are of different references"));
  }
  const BinGeometry geometry =
      categorical ? BinGeometry() : BinGeometry(edges, quantiles, min, max);
  const StreamComparison found = compare_stream(before, now, geometry);
  const ChanceOf chance = chance_of(found);
  py::dict out = nominal_out(found.nominal, chance);
  out["reference_rows"] = found.reference_rows;
  out["window_rows"] = found.window_rows;
  out["reference_rates"] = rates_out(found.reference_rates);
  out["window_rates"] = rates_out(found.window_rates);
  if (!categorical) add_ordered(out, found, chance);
  return out;
}

}  // namespace

void bind_drift_distances(py::module_& module) {
  const MomentsTuple none{0, 0.0, 0.0};
  module.def("drift_compare_counts", &compare_counts, py::arg("categorical"), py::arg("reference"),
             py::arg("window"), py::arg("reference_moments") = none,
             py::arg("window_moments") = none, py::arg("edges") = std::vector<float>(),
             py::arg("quantiles") = std::vector<float>(), py::arg("min") = 0.0F,
             py::arg("max") = 0.0F);
  module.def(
      "drift_rate_interval",
      [](std::uint64_t k, std::uint64_t n, double alpha) {
        if (k > n || !(alpha > 0) || !(alpha < 1)) {
          throw_unless_ok(Status::invalid_argument("needs k <= n and 0 < alpha < 1"));
        }
        const RateInterval found = rate_interval(k, n, alpha);
        return std::tuple(found.rate, found.low, found.high);
      },
      py::arg("k"), py::arg("n"), py::arg("alpha") = 0.05);
}

}  // namespace mlops::python
