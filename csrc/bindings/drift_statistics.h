#pragma once
// Statistics that users bring, between Python and the core. Functions come as addresses; who brings
// one keeps it in memory.

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include "observe/user_statistic.h"

namespace mlops::python {

// (name, address, streams, size)
using StatisticSpec =
    std::tuple<std::string, std::uintptr_t, std::vector<std::string>, std::size_t>;

std::vector<UserStatistic> statistics_in(const std::vector<StatisticSpec>& specs);
// (name, rows, state, stopped) of each. Needs the GIL.
pybind11::list statistics_out(const std::vector<UserStatistic>& statistics,
                              const StatisticTable& sums);

}  // namespace mlops::python
