#pragma once
// Engine.submit and Engine.infer_async as vectorcall methods.

#include "bindings/completion_queue.h"
#include "bindings/python.h"

namespace mlops::python {

// PyCFunctionFastWithKeywords; `self` is an Engine.
PyObject* submit(PyObject* self, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames);
PyObject* infer_async(PyObject* self, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames);

// GIL held. Where answers of submit() go and what class its futures are of; null queue: nowhere,
// the next submit() asks mlops_engine._futures.start() for one.
void use_for_submit(Ref<CompletionQueue> queue, Object future_class);

// What Python holds of a queue; its end is the queue's.
class QueueHandle {
 public:
  explicit QueueHandle(Ref<CompletionQueue> queue) : queue_(std::move(queue)) {}
  ~QueueHandle() {
    const GilHeld held;
    queue_->close();
  }
  const Ref<CompletionQueue>& queue() const { return queue_; }

 private:
  Ref<CompletionQueue> queue_;
};

// The queue of mlops_engine._core.CompletionQueue; null with TypeError set for another object.
CompletionQueue* queue_of(PyObject* object);

}  // namespace mlops::python
