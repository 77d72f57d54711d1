#pragma once
// A model read by OpenVINO, and what it is compiled to. Compiled once per lane: each is one stream
// of one thread, which runs on its caller's thread and waits for no other; weights in f32 are
// shared between them (ADR 25).

#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "execute/openvino_runtime.h"
#include "tensor/signature.h"

namespace mlops {

enum class OpenvinoPrecision : std::uint8_t { f32, bf16 };

template <class T>
struct OpenvinoRelease {
  void (*release)(T*) = nullptr;
  void operator()(T* object) const { release(object); }
};

template <class T>
using OpenvinoHandle = std::unique_ptr<T, OpenvinoRelease<T>>;

// Gives `handle` what a C function with an out-parameter makes.
template <class T, class Create>
OpenvinoCode make(OpenvinoHandle<T>& handle, void (*release)(T*), Create create) {
  T* object = nullptr;
  const OpenvinoCode code = create(&object);
  handle = OpenvinoHandle<T>(object, {release});
  return code;
}

// OpenVINO's number of an element type; for DType::bytes one that no tensor has.
unsigned openvino_type(DType dtype);

// One lane's: a request is made of it once and keeps it alive.
struct OpenvinoLane {
  OpenvinoHandle<ov_compiled_model> compiled;
  std::vector<OpenvinoHandle<ov_output_const_port>> inputs;   // in signature order
  std::vector<OpenvinoHandle<ov_output_const_port>> outputs;  // in signature order
};

// Thread-safe.
class OpenvinoModel {
 public:
  // unimplemented where OpenVINO cannot read the file or sees another signature.
  static Result<std::shared_ptr<OpenvinoModel>> load(std::shared_ptr<const OpenvinoRuntime> runtime,
                                                     const std::string& path,
                                                     const Signature& signature,
                                                     OpenvinoPrecision precision);

  // One that was given back, or a new one: that compiles.
  Result<std::unique_ptr<OpenvinoLane>> take_lane();
  void give_back(std::unique_ptr<OpenvinoLane> lane);

  const OpenvinoApi& api() const { return runtime_->api(); }
  const Signature& signature() const { return signature_; }

 private:
  OpenvinoModel(std::shared_ptr<const OpenvinoRuntime> runtime, const Signature& signature,
                OpenvinoPrecision precision)
      : runtime_(std::move(runtime)), signature_(signature), precision_(precision) {}

  Result<std::unique_ptr<OpenvinoLane>> compile() const;
  Status find_ports(OpenvinoLane& lane) const;
  Status check_port(const TensorSpec& spec, const ov_output_const_port& port) const;

  const std::shared_ptr<const OpenvinoRuntime> runtime_;
  const Signature signature_;
  const OpenvinoPrecision precision_;
  OpenvinoHandle<ov_model> model_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<OpenvinoLane>> idle_;  // guarded by mutex_
};

}  // namespace mlops
