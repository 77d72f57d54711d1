// mlops_engine._core: private. mlops_engine/_native.py is its only importer.

#include <pybind11/pybind11.h>

#include <string>

#include "base/version.h"
#include "bindings/bind.h"
#include "bindings/errors.h"
#include "execute/ort_runtime.h"

PYBIND11_MODULE(_core, module) {
  module.doc() = "The compiled core of mlops_engine. Private: import mlops_engine instead.";
  module.attr("__version__") = std::string(mlops::kVersion);
  if (!mlops::python::import_error_classes()) throw pybind11::error_already_set();
  mlops::python::bind_engine(module);
  mlops::python::bind_completions(module);
  mlops::python::bind_drift_judge(module);
  mlops::python::bind_drift(module);
  mlops::python::bind_drift_distances(module);
  mlops::python::bind_drift_sketches(module);
  mlops::python::bind_detect(module);
  mlops::python::bind_labels(module);
  mlops::python::bind_comparison(module);
  module.def("ort_library_candidates", [](const std::string& executable_dir) {
    pybind11::list paths;
    for (const std::string& path : mlops::ort_library_candidates(executable_dir))
      paths.append(path);
    return paths;
  });
}
