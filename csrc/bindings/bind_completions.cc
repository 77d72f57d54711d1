#include <pybind11/pybind11.h>

#include "bindings/bind.h"
#include "bindings/errors.h"
#include "bindings/submit.h"

namespace mlops::python {
namespace {

namespace py = pybind11;

std::unique_ptr<QueueHandle> open_queue(bool of_loop) {
  auto queue = CompletionQueue::make(of_loop ? CompletionQueue::Futures::of_loop
                                             : CompletionQueue::Futures::of_threads);
  throw_unless_ok(queue.status());
  return std::make_unique<QueueHandle>(*std::move(queue));
}

}  // namespace

CompletionQueue* queue_of(PyObject* object) {
  try {
    return py::handle(object).cast<const QueueHandle&>().queue().get();
  } catch (const py::cast_error&) {
    PyErr_SetString(PyExc_TypeError, "expected a CompletionQueue");
    return nullptr;
  }
}

void bind_completions(pybind11::module_& module) {
  py::class_<QueueHandle>(module, "CompletionQueue")
      .def(py::init(&open_queue), py::kw_only(), py::arg("of_loop"))
      .def("fileno", [](const QueueHandle& self) { return self.queue()->fd(); })
      .def("settle",
           [](const QueueHandle& self) {
             const GilHeld held;
             self.queue()->settle_all();
           })
      .def("wait",
           [](const QueueHandle& self) {
             const GilHeld held;
             const GilReleased released;
             return self.queue()->wait();
           })
      .def("close",
           [](const QueueHandle& self) {
             const GilHeld held;
             self.queue()->close();
           })
      .def("stop", [](const QueueHandle& self) { self.queue()->stop(); });
  module.def("use_for_submit", [](const QueueHandle* handle, const py::object& future_class) {
    use_for_submit(handle ? handle->queue() : nullptr, Object::borrow(future_class.ptr()));
  });
  module.def("cancel_pending", [](const py::capsule& pending) {
    const GilHeld held;
    if (!cancel_pending(pending.ptr())) throw py::error_already_set();
  });
}

}  // namespace mlops::python
