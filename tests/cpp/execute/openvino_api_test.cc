// What we declare of OpenVINO's C interface is what its headers say, where these are installed.

#include "execute/openvino_api.h"

#include <gtest/gtest.h>

#if __has_include(<openvino/c/openvino.h>)
#include <openvino/c/openvino.h>

#include <type_traits>

#include "execute/openvino_model.h"

namespace mlops::testing {
namespace {

// Their types in our words: enumerations are their integers, structures ours of the same layout.
template <class T>
struct Ours {
  using type = T;
};
template <class T>
using OursT = typename Ours<T>::type;
template <class T>
struct Ours<T*> {
  using type = OursT<T>*;
};
template <class T>
requires(!std::is_pointer_v<T>) struct Ours<const T> {
  using type = const OursT<T>;
};
template <>
struct Ours<ov_status_e> {
  using type = OpenvinoCode;
};
template <>
struct Ours<ov_element_type_e> {
  using type = unsigned;
};
template <>
struct Ours<ov_shape_t> {
  using type = OpenvinoShape;
};
template <>
struct Ours<ov_partial_shape_t> {
  using type = OpenvinoPartialShape;
};
template <>
struct Ours<ov_version_t> {
  using type = OpenvinoVersion;
};
template <class R, class... A>
struct Ours<R(A...)> {
  using type = OursT<R>(OursT<A>...);
};
template <class R, class... A>
struct Ours<R(A..., ...)> {
  using type = OursT<R>(OursT<A>..., ...);
};

#define SAME(name) \
  static_assert(std::is_same_v<OursT<decltype(ov_##name)>*, decltype(OpenvinoApi::name)>, #name)
SAME(get_openvino_version);
SAME(version_free);
SAME(free);
SAME(get_last_err_msg);
SAME(core_read_model);
SAME(core_compile_model);
SAME(core_get_property);
SAME(model_free);
SAME(compiled_model_free);
SAME(compiled_model_inputs_size);
SAME(compiled_model_outputs_size);
SAME(compiled_model_input_by_name);
SAME(compiled_model_output_by_name);
SAME(port_get_element_type);
SAME(port_get_partial_shape);
SAME(partial_shape_free);
SAME(output_const_port_free);
SAME(compiled_model_create_infer_request);
SAME(infer_request_set_tensor_by_const_port);
SAME(infer_request_get_tensor_by_const_port);
SAME(infer_request_infer);
SAME(infer_request_cancel);
SAME(infer_request_free);
SAME(tensor_create_from_host_ptr);
SAME(tensor_get_shape);
SAME(tensor_get_element_type);
SAME(tensor_data);
SAME(tensor_free);
SAME(shape_free);

static_assert(sizeof(OpenvinoShape) == sizeof(ov_shape_t));
static_assert(sizeof(OpenvinoPartialShape) == sizeof(ov_partial_shape_t));
static_assert(offsetof(OpenvinoPartialShape, dims) == offsetof(ov_partial_shape_t, dims));
static_assert(sizeof(OpenvinoVersion) == sizeof(ov_version_t));
static_assert(kOpenvinoOk == OK && kOpenvinoMismatch == PARAMETER_MISMATCH &&
              kOpenvinoCancelled == INFER_CANCELLED);

TEST(OpenvinoApi, NumbersElementTypesAsTheHeadersDo) {
  EXPECT_EQ(openvino_type(DType::boolean), BOOLEAN);
  EXPECT_EQ(openvino_type(DType::u8), U8);
  EXPECT_EQ(openvino_type(DType::u16), U16);
  EXPECT_EQ(openvino_type(DType::u32), U32);
  EXPECT_EQ(openvino_type(DType::u64), U64);
  EXPECT_EQ(openvino_type(DType::i8), I8);
  EXPECT_EQ(openvino_type(DType::i16), I16);
  EXPECT_EQ(openvino_type(DType::i32), I32);
  EXPECT_EQ(openvino_type(DType::i64), I64);
  EXPECT_EQ(openvino_type(DType::f16), F16);
  EXPECT_EQ(openvino_type(DType::f32), F32);
  EXPECT_EQ(openvino_type(DType::f64), F64);
  EXPECT_EQ(openvino_type(DType::bf16), BF16);
}

}  // namespace
}  // namespace mlops::testing
#endif

namespace mlops::testing {
namespace {

TEST(OpenvinoMessage, SkipsWhereInTheSourceItHappened) {
  EXPECT_EQ(
      shorten_openvino_message("Exception from src/a.cpp:1:\nCheck 'x' failed at b:2:\nwhy\n"),
      "why");
  EXPECT_EQ(shorten_openvino_message("plain"), "plain");
  EXPECT_EQ(shorten_openvino_message(""), "");
  EXPECT_EQ(shorten_openvino_message("a\x01\xff"), "a??");
  EXPECT_EQ(shorten_openvino_message(std::string(1000, 'x')).size(), 320U);
}

}  // namespace
}  // namespace mlops::testing
