#pragma once
// Owners for ONNX Runtime's C objects: released exactly once, by the library that made them.

#include <onnxruntime_c_api.h>

#include <memory>

namespace mlops {

template <class T, void (*OrtApi::*kRelease)(T*)>
struct OrtRelease {
  const OrtApi* api = nullptr;
  void operator()(T* object) const { (api->*kRelease)(object); }
};

template <class T, void (*OrtApi::*kRelease)(T*)>
using OrtHandle = std::unique_ptr<T, OrtRelease<T, kRelease>>;

using OrtSessionHandle = OrtHandle<OrtSession, &OrtApi::ReleaseSession>;
using OrtSessionOptionsHandle = OrtHandle<OrtSessionOptions, &OrtApi::ReleaseSessionOptions>;
using OrtRunOptionsHandle = OrtHandle<OrtRunOptions, &OrtApi::ReleaseRunOptions>;
using OrtMemoryInfoHandle = OrtHandle<OrtMemoryInfo, &OrtApi::ReleaseMemoryInfo>;
using OrtTypeInfoHandle = OrtHandle<OrtTypeInfo, &OrtApi::ReleaseTypeInfo>;
using OrtTensorInfoHandle =
    OrtHandle<OrtTensorTypeAndShapeInfo, &OrtApi::ReleaseTensorTypeAndShapeInfo>;
using OrtValueHandle = OrtHandle<OrtValue, &OrtApi::ReleaseValue>;

// Gives `handle` the object that a C function with an out-parameter makes:
//   status = make(handle, api, [&](OrtSession** out) { return api.CreateSession(..., out); });
template <class Handle, class Create>
OrtStatus* make(Handle& handle, const OrtApi& api, Create create) {
  typename Handle::pointer object = nullptr;
  OrtStatus* status = create(&object);
  handle = Handle(object, {&api});
  return status;
}

}  // namespace mlops
