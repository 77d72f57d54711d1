#include "execute/ort_strings.h"

#include <cstring>
#include <string>

#include "execute/ort_status.h"
#include "tensor/byte_strings.h"

namespace mlops {
namespace {

Status fill_element(const OrtApi& api, OrtValue* value, std::size_t index, std::string_view text) {
  char* place = nullptr;
  if (Status s = ort_failure(
          api, api.GetResizedStringTensorElementBuffer(value, index, text.size(), &place));
      !s.ok()) {
    return s;
  }
  if (!text.empty()) std::memcpy(place, text.data(), text.size());
  return {};
}

}  // namespace

Result<OrtValueHandle> string_tensor_to_ort(const OrtApi& api, const Tensor& input,
                                            CopyMeter* copies) {
  // Counting first: a shape that promises more than the bytes hold must not make ONNX Runtime
  // allocate that many string objects.
  const auto expected = input.shape.elements();
  const auto present = count_byte_strings(input.bytes);
  if (!present || !expected || *present != static_cast<std::size_t>(*expected)) {
    return Status::invalid_argument("a string tensor of shape " + input.shape.to_string() +
                                    " comes with bytes that do not hold that many elements");
  }
  OrtAllocator* allocator = nullptr;
  if (Status s = ort_failure(api, api.GetAllocatorWithDefaultOptions(&allocator)); !s.ok())
    return s;
  OrtValueHandle value;
  if (Status s = ort_failure(api, make(value, api,
                                       [&](OrtValue** out) {
                                         return api.CreateTensorAsOrtValue(
                                             allocator, input.shape.dims().data(),
                                             input.shape.rank(),
                                             ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING, out);
                                       }));
      !s.ok()) {
    return s;
  }
  ByteStringReader reader(input.bytes);
  for (std::size_t i = 0; const auto text = reader.next(); ++i) {
    if (Status s = fill_element(api, value.get(), i, *text); !s.ok()) return s;
  }
  if (copies) copies->add(CopySite::string_input, input.bytes.size());
  return value;
}

Result<Buffer> string_tensor_from_ort(const OrtApi& api, const OrtValue* value,
                                      std::size_t elements, CopyMeter* copies) {
  std::size_t text_bytes = 0;
  if (Status s = ort_failure(api, api.GetStringTensorDataLength(value, &text_bytes)); !s.ok()) {
    return s;
  }
  Buffer buffer = allocate_buffer(text_bytes + elements * sizeof(std::uint32_t));
  if (!buffer) return Status::resource_exhausted("no memory for a string output");
  std::byte* at = buffer->data();
  for (std::size_t i = 0; i < elements; ++i) {
    std::size_t length = 0;
    if (Status s = ort_failure(api, api.GetStringTensorElementLength(value, i, &length)); !s.ok()) {
      return s;
    }
    const auto prefix = static_cast<std::uint32_t>(length);
    if (prefix != length) return Status::unimplemented("a string output is longer than 4 GiB");
    std::memcpy(at, &prefix, sizeof(prefix));
    at += sizeof(prefix);
    if (Status s = ort_failure(api, api.GetStringTensorElement(value, length, i, at)); !s.ok()) {
      return s;
    }
    at += length;
  }
  if (copies) copies->add(CopySite::string_output, buffer->size());
  return buffer;
}

}  // namespace mlops
