#pragma once
// Docstrings of the methods that Python callers see straight from C++. The first line is the
// signature in the form that inspect.signature() understands.

namespace mlops::python {

inline constexpr const char* kInferDoc =
    R"(infer($self, name, inputs, *, version=None, outputs=None, parameters=None, timeout=None, request_id=None)
--

Run a model and return its outputs.

Uses the calling thread when a lane of the model is idle, otherwise waits for one. The GIL is
released meanwhile.

Parameters
----------
name : str
    The model's name.
inputs : dict of str to numpy.ndarray
    One array per input of the model, of exactly the element type that the model declares: values
    are never converted. Dense arrays are used where they lie; others are copied once. Text inputs
    take arrays of str or bytes objects, or NumPy's own string types. Objects that offer
    ``__array__``, the buffer protocol or ``__dlpack__`` are taken too; lists and numbers are not.
    Do not change an array while its request is under way.
version : int, optional
    The version to run; by default the one that policy makes the default.
outputs : sequence of str, optional
    The outputs wanted, in this order; by default all.
parameters : dict of str to bool, int, float or str, optional
    Handed to the engine as they are.
timeout : float, optional
    Seconds after which the call gives up. No limit by default.
request_id : str, optional
    Identifies the request later, for example in feedback.

Returns
-------
dict of str to numpy.ndarray
    Read-only views of the engine's memory, not copies; text comes as arrays of bytes objects.

Raises
------
InvalidArgument
    A missing, unknown or wrongly shaped input, or one of another element type.
NotFound
    No such model or version.
DeadlineExceeded
    `timeout` passed first.
ResourceExhausted
    The memory for batches is full.
Unavailable
    The queue is full, the engine is closed, or the model is being unloaded.

Examples
--------
>>> import numpy as np
>>> import mlops_engine as me
>>> with me.Engine() as engine:
...     engine._load_echo("echo", "FP32", [-1, 2])
...     engine.infer("echo", {"input": np.array([[1, 2]], np.float32)})
{'output': array([[1., 2.]], dtype=float32)}
)";

inline constexpr const char* kSubmitDoc =
    R"(submit($self, name, inputs, *, version=None, outputs=None, parameters=None, timeout=None, request_id=None)
--

Start a request and return a future for its outputs.

Takes what :meth:`infer` takes. Never blocks and never starts a thread per call: one thread settles
the futures of all engines. ``future.cancel()`` gives up a request that has not been answered yet;
one that is running already runs to its end, and its result is thrown away.

Returns
-------
concurrent.futures.Future
    Its result is what :meth:`infer` returns, its exception what :meth:`infer` raises. Only a wrong
    type of argument (TypeError) and a closed engine are raised here.

Examples
--------
>>> import numpy as np
>>> import mlops_engine as me
>>> with me.Engine() as engine:
...     engine._load_echo("echo", "INT64", [-1])
...     future = engine.submit("echo", {"input": np.arange(3)})
...     future.result(timeout=10)
{'output': array([0, 1, 2])}
)";

inline constexpr const char* kInferAsyncDoc =
    R"(infer_async($self, name, inputs, *, version=None, outputs=None, parameters=None, timeout=None, request_id=None)
--

Start a request from a coroutine and return an asyncio future for its outputs.

Takes what :meth:`infer` takes. A model that is idle and fast (see `inline_run_us_max`) runs before
this returns, and the future is done already; otherwise the answer arrives through one wake-up of the
event loop for all requests that are due. Cancelling the future or the task that awaits it gives up
the request.

Returns
-------
asyncio.Future
    To be awaited, gathered, waited for. Its result is what :meth:`infer` returns. Only a wrong type
    of argument (TypeError), a missing event loop (RuntimeError) and a closed engine are raised here.

Examples
--------
>>> import asyncio
>>> import numpy as np
>>> import mlops_engine as me
>>> async def main():
...     with me.Engine() as engine:
...         engine._load_echo("echo", "INT64", [-1])
...         return await engine.infer_async("echo", {"input": np.arange(3)})
>>> asyncio.run(main())
{'output': array([0, 1, 2])}
)";

inline constexpr const char* kMetricsDoc =
    R"(Return the engine's metrics as a Prometheus page (text format 0.0.4).

Triton's ``nv_*`` names where the meaning is the same, ours as ``mlops_*``.
)";

}  // namespace mlops::python
