#pragma once
// NumPy arrays into tensors. C-contiguous, aligned arrays of the machine's byte order are lent to
// the engine without a copy; others are made dense once, which CopySite::python_compact counts.
// Values are never converted from one type to another. Everything here needs the GIL.

#include <string_view>

#include "base/status.h"
#include "bindings/gil.h"
#include "bindings/python.h"
#include "request/request.h"
#include "tensor/copy_meter.h"

namespace mlops::python {

// Lends Python objects to the engine: `bytes` belong to one of them. The references are given back
// wherever the last user lets go, without that thread waiting for the GIL.
class LentObject final : public BufferBlock, public Deferred {
 public:
  static Buffer lend(const void* data, std::size_t size, Object first, Object second = {});

 private:
  LentObject(std::byte* data, std::size_t size, Object first, Object second);
  void last_ref_gone() override { dispose_with_gil(); }
  void dispose() noexcept override { delete this; }

  Object first_;
  Object second_;
};

// What a function here returns when Python itself failed (out of memory, a failing __array__, a
// wrong argument type): the Python error is set and is what the caller must see.
inline Status python_error() { return Status::internal({}); }

// Adds the tensor of `value` under `name`, a str. The request keeps both alive.
Status add_input(PyObject* name, PyObject* value, CopyMeter& copies, Request& request);

// The text of a str, valid as long as the object lives; a Status when it has no UTF-8 form.
Status utf8_view(PyObject* text, std::string_view& out);

}  // namespace mlops::python
