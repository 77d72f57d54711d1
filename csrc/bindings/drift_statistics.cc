#include "bindings/drift_statistics.h"

namespace mlops::python {

namespace py = pybind11;

std::vector<UserStatistic> statistics_in(const std::vector<StatisticSpec>& specs) {
  std::vector<UserStatistic> statistics;
  statistics.reserve(specs.size());
  for (const auto& [name, address, streams, size] : specs) {
    // NOLINTNEXTLINE(performance-no-int-to-ptr): Python has no other way to say it
    const auto function = reinterpret_cast<StatisticFunction>(address);
    statistics.push_back({name, function, streams, size});
  }
  return statistics;
}

py::list statistics_out(const std::vector<UserStatistic>& statistics, const StatisticTable& sums) {
  py::list out;
  for (std::size_t i = 0; i < statistics.size() && i < sums.size(); ++i) {
    out.append(py::make_tuple(statistics[i].name, sums[i].rows, sums[i].state, sums[i].stopped));
  }
  return out;
}

}  // namespace mlops::python
