// mlops_engine._core: private. mlops_engine/_native.py is its only importer.

#include <pybind11/pybind11.h>

#include <cstdint>
#include <string>

#include "base/version.h"
#include "bindings/bind.h"
#include "bindings/errors.h"
#include "execute/ort_runtime.h"

namespace {

// For the test that walks all eight codes.
void raise_code(const std::string& code, const std::string& message) {
  for (std::uint8_t i = 1; i <= static_cast<std::uint8_t>(mlops::Code::internal); ++i) {
    const auto candidate = static_cast<mlops::Code>(i);
    if (mlops::code_name(candidate) == code) {
      mlops::python::throw_unless_ok(mlops::Status(candidate, message));
    }
  }
}

}  // namespace

PYBIND11_MODULE(_core, module) {
  module.doc() = "The compiled core of mlops_engine. Private: import mlops_engine instead.";
  module.attr("__version__") = std::string(mlops::kVersion);
  if (!mlops::python::import_error_classes()) throw pybind11::error_already_set();
  mlops::python::bind_engine(module);
  mlops::python::bind_completions(module);
  module.def("raise_code", &raise_code);
  module.def("ort_library_candidates", [](const std::string& executable_dir) {
    pybind11::list paths;
    for (const std::string& path : mlops::ort_library_candidates(executable_dir))
      paths.append(path);
    return paths;
  });
}
