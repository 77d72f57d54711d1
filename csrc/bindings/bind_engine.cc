#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "bindings/bind.h"
#include "bindings/call_args.h"
#include "bindings/describe.h"
#include "bindings/errors.h"
#include "bindings/fast_infer.h"
#include "bindings/method_docs.h"
#include "bindings/submit.h"
#include "bindings/with_engine.h"

namespace mlops::python {
namespace {

namespace py = pybind11;

ExecutionWish wish_of(const ConfigStrings& words, const ExecutionWish& defaults) {
  const Result<ExecutionWish> wish = execution_wish(words, defaults);
  throw_unless_ok(wish.status());
  return *wish;
}

std::unique_ptr<EngineHandle> make_engine(
    unsigned lanes, std::size_t queue_requests_max, std::size_t slab_bytes_max,
    std::uint64_t inline_run_us_max, std::size_t tensor_bytes_max,
    std::vector<std::string> ort_libraries, std::string cache_directory,
    std::size_t response_cache_bytes, const ConfigStrings& execution) {
  if (!import_numpy()) throw py::error_already_set();
  EngineOptions options;
  options.lanes = lanes;
  options.queue_requests_max = queue_requests_max;
  options.slab_bytes_max = slab_bytes_max;
  options.inline_run_us_max = inline_run_us_max;
  options.limits.tensor_bytes_max = tensor_bytes_max;
  options.ort_libraries = std::move(ort_libraries);
  options.cache_directory = std::move(cache_directory);
  options.response_cache_bytes = response_cache_bytes;
  options.execution = wish_of(execution, ExecutionWish());
  auto handle = EngineHandle::create(std::move(options));
  throw_unless_ok(handle.status());
  return *std::move(handle);
}

void load(EngineHandle& self, const std::string& name, const std::string& path,
          std::int64_t version, unsigned lanes, std::int64_t batch_rows_max,
          std::uint64_t batch_delay_us_max, unsigned intra_op_threads, bool response_cache,
          const ConfigStrings& execution, ConfigStrings parameters) {
  ModelSource source;
  source.name = name;
  source.version = version;
  source.path = path;
  source.lanes = lanes;
  source.batch_rows_max = batch_rows_max;
  source.batch_delay_us_max = batch_delay_us_max;
  source.ort.intra_op_threads = intra_op_threads;
  source.response_cache = response_cache;
  if (!parameters.empty()) {  // all else is inferred, as without a configuration
    auto config = std::make_shared<ModelConfig>();
    config->parameters = std::move(parameters);
    source.config = std::move(config);
  }
  throw_unless_ok(with_engine(self, [&](const auto& engine) {
    const Result<ExecutionWish> wish = execution_wish(execution, engine->options().execution);
    if (!wish.ok()) return wish.status();
    source.execution = *wish;
    return engine->load(source);
  }));
}

TimePoint deadline_of(const py::object& seconds) {
  TimePoint deadline;
  throw_unless_ok(deadline_from(seconds.is_none() ? nullptr : seconds.ptr(), deadline));
  return deadline;
}

void close(EngineHandle& self, const py::object& timeout) {
  const GilHeld held;
  self.close(deadline_of(timeout));
  PythonLog::pass_on_all();
}

bool wait_trials(EngineHandle& self, const py::object& timeout) {
  const TimePoint deadline = deadline_of(timeout);
  return with_engine(self, [&](const auto& engine) { return engine->wait_trials(deadline); });
}

bool drain(EngineHandle& self, const py::object& timeout) {
  const TimePoint deadline = deadline_of(timeout);
  return with_engine(self, [&](const auto& engine) { return engine->drain(deadline); });
}

py::dict info(EngineHandle& self, const std::string& name, std::int64_t version) {
  const Result<ModelInfo> found =
      with_engine(self, [&](const auto& engine) { return engine->info(name, version); });
  throw_unless_ok(found.status());
  return describe(*found);
}

py::list models(EngineHandle& self) {
  py::list all;
  for (const ModelInfo& model : with_engine(self, [](const auto& e) { return e->models(); })) {
    all.append(describe(model));
  }
  return all;
}

// Methods that are called once per request go around pybind11's dispatch.
void add_vectorcall(const py::object& type, PyMethodDef& method) {
  auto* owner = reinterpret_cast<PyTypeObject*>(type.ptr());
  const auto descriptor = py::reinterpret_steal<py::object>(PyDescr_NewMethod(owner, &method));
  if (!descriptor) throw py::error_already_set();
  type.attr(method.ml_name) = descriptor;
}

using FastMethod = PyObject* (*)(PyObject*, PyObject* const*, Py_ssize_t, PyObject*);

PyMethodDef vectorcall(const char* name, FastMethod method, const char* doc) {
  return {name, reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(method)),
          METH_FASTCALL | METH_KEYWORDS, doc};
}

}  // namespace

void throw_unless_ok(const Status& status) {
  if (status.ok()) return;
  raise(status);
  throw py::error_already_set();
}

void bind_engine(py::module_& module) {
  py::class_<EngineHandle> type(module, "Engine", py::release_gil_before_calling_cpp_dtor());
  type.def(py::init(&make_engine), py::kw_only(), py::arg("lanes"), py::arg("queue_requests_max"),
           py::arg("slab_bytes_max"), py::arg("inline_run_us_max"), py::arg("tensor_bytes_max"),
           py::arg("ort_libraries"), py::arg("cache_directory"), py::arg("response_cache_bytes"),
           py::arg("execution"))
      .def("_load", &load, py::arg("name"), py::arg("path"), py::kw_only(), py::arg("version"),
           py::arg("lanes"), py::arg("batch_rows_max"), py::arg("batch_delay_us_max"),
           py::arg("intra_op_threads"), py::arg("response_cache"), py::arg("execution"),
           py::arg("parameters"))
      .def("_flush_cache",
           [](EngineHandle& self, const std::string& name, std::int64_t version) {
             throw_unless_ok(with_engine(
                 self, [&](const auto& e) { return e->flush_response_cache(name, version); }));
           })
      .def("_unload",
           [](EngineHandle& self, const std::string& name, std::int64_t version) {
             throw_unless_ok(
                 with_engine(self, [&](const auto& e) { return e->unload(name, version); }));
           })
      .def("_load_repository",
           [](EngineHandle& self, const std::string& directory) {
             throw_unless_ok(
                 with_engine(self, [&](const auto& e) { return e->load_repository(directory); }));
           })
      .def("_info", &info)
      .def("_models", &models)
      .def("_stats",
           [](EngineHandle& self) {
             return describe(with_engine(self, [](const auto& e) { return e->stats(); }));
           })
      .def("_ready",
           [](EngineHandle& self) {
             return !self.closed() && with_engine(self, [](const auto& e) { return e->ready(); });
           })
      .def("_closed", &EngineHandle::closed)
      .def("_drain", &drain)
      .def("_wait_trials", &wait_trials)
      .def("_close", &close)
      .def("_forget", &EngineHandle::forget)
      .def(
          "metrics",
          [](EngineHandle& self) {
            return metrics_text(with_engine(self, [](const auto& e) { return e->stats(); }));
          },
          kMetricsDoc);
  static PyMethodDef methods[] = {
      vectorcall("infer", &fast_infer, kInferDoc),
      vectorcall("submit", &submit, kSubmitDoc),
      vectorcall("infer_async", &infer_async, kInferAsyncDoc),
  };
  for (PyMethodDef& method : methods) add_vectorcall(type, method);
  bind_engine_drift(type);
  bind_feedback(type);
  bind_route(type);
  bind_test_hooks(module, type);
}

}  // namespace mlops::python
