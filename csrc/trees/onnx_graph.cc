#include "trees/onnx_graph.h"

#include <bit>
#include <cstring>
#include <utility>

#include "trees/proto_cursor.h"

namespace mlops {
namespace {

Status no_model() { return Status::invalid_argument("it is not an ONNX model, or corrupt"); }

// Packed or one by one: writers may do either.
bool read_integers(const ProtoCursor& field, std::vector<std::int64_t>& out) {
  if (!field.is_bytes()) {
    out.push_back(field.integer());
    return true;
  }
  ProtoCursor packed(field.bytes());
  while (!packed.done()) out.push_back(static_cast<std::int64_t>(packed.varint()));
  return packed.ok();
}

float float_of(std::uint64_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits));
}

template <class Element>
bool copy_elements(std::string_view bytes, std::vector<Element>& out) {
  if (bytes.size() % sizeof(Element) != 0) return false;
  const std::size_t old = out.size();
  out.resize(old + bytes.size() / sizeof(Element));
  if (!bytes.empty()) std::memcpy(out.data() + old, bytes.data(), bytes.size());
  return true;
}

bool read_floats(const ProtoCursor& field, std::vector<float>& out) {
  if (field.is_bytes()) return copy_elements(field.bytes(), out);
  out.push_back(float_of(field.number()));
  return true;
}

// NodeProto: input = 1, output = 2, op_type = 4, attribute = 5, domain = 7.
bool read_node(std::string_view encoded, OnnxNode& node) {
  node.encoded = encoded;
  ProtoCursor cursor(encoded);
  while (cursor.next()) {
    if (!cursor.is_bytes()) continue;
    switch (cursor.field()) {
      case 1:
        node.inputs.push_back(cursor.bytes());
        break;
      case 2:
        node.outputs.push_back(cursor.bytes());
        break;
      case 4:
        node.type = cursor.bytes();
        break;
      case 7:
        node.domain = cursor.bytes();
        break;
      default:
        break;
    }
  }
  return cursor.ok();
}

// The string in field `number` of a message: the name of a ValueInfoProto (1), a TensorProto (8).
bool read_name(std::string_view encoded, std::uint32_t number, std::string_view& name) {
  ProtoCursor cursor(encoded);
  while (cursor.next()) {
    if (cursor.is_bytes() && cursor.field() == number) name = cursor.bytes();
  }
  return cursor.ok();
}

// GraphProto: node = 1, initializer = 5, input = 11, output = 12.
bool read_graph(std::string_view encoded, OnnxGraph& graph) {
  ProtoCursor cursor(encoded);
  bool sound = true;
  while (sound && cursor.next()) {
    if (!cursor.is_bytes()) continue;
    switch (cursor.field()) {
      case 1:
        sound = read_node(cursor.bytes(), graph.nodes.emplace_back());
        break;
      case 5: {
        OnnxConstant& constant = graph.constants.emplace_back();
        constant.tensor = cursor.bytes();
        sound = read_name(cursor.bytes(), 8, constant.name);
        break;
      }
      case 11:
        sound = read_name(cursor.bytes(), 1, graph.inputs.emplace_back());
        break;
      case 12:
        sound = read_name(cursor.bytes(), 1, graph.outputs.emplace_back());
        break;
      default:
        break;
    }
  }
  return sound && cursor.ok();
}

// AttributeProto: name = 1, f = 2, i = 3, s = 4, t = 5, floats = 7, ints = 8, strings = 9.
bool read_attribute(std::string_view encoded, OnnxAttribute& attribute) {
  ProtoCursor cursor(encoded);
  bool sound = true;
  while (sound && cursor.next()) {
    const bool bytes = cursor.is_bytes();
    switch (cursor.field()) {
      case 1:
        if (bytes) attribute.name = cursor.bytes();
        break;
      case 2:
        if (!bytes) attribute.number = float_of(cursor.number());
        break;
      case 3:
        if (!bytes) attribute.integer = cursor.integer();
        break;
      case 4:
        if (bytes) attribute.text = cursor.bytes();
        break;
      case 5:
        if (bytes) attribute.tensor = cursor.bytes();
        break;
      case 7:
        sound = read_floats(cursor, attribute.numbers);
        break;
      case 8:
        sound = read_integers(cursor, attribute.integers);
        break;
      case 9:
        if (bytes) attribute.texts.push_back(cursor.bytes());
        break;
      default:
        break;
    }
  }
  return sound && cursor.ok();
}

enum ElementType : std::int64_t {
  kFloat = 1,
  kUint8 = 2,
  kInt8 = 3,
  kInt32 = 6,
  kInt64 = 7,
  kDouble = 11
};

// Where a TensorProto may keep its elements; exactly one of these is used.
struct EncodedElements {
  std::int64_t type = 0;
  bool external = false;
  std::string_view raw;
  std::vector<float> floats;
  std::vector<double> doubles;
  std::vector<std::int64_t> integers;
};

// TensorProto: dims = 1, data_type = 2, float_data = 4, int32_data = 5, int64_data = 7, raw = 9,
// double_data = 10, data_location = 14.
bool read_elements(std::string_view encoded, std::vector<std::int64_t>& dims,
                   EncodedElements& elements) {
  ProtoCursor cursor(encoded);
  bool sound = true;
  while (sound && cursor.next()) {
    switch (cursor.field()) {
      case 1:
        sound = read_integers(cursor, dims);
        break;
      case 2:
        elements.type = cursor.integer();
        break;
      case 4:
        sound = read_floats(cursor, elements.floats);
        break;
      case 5:
      case 7:
        sound = read_integers(cursor, elements.integers);
        break;
      case 9:
        elements.raw = cursor.bytes();
        break;
      case 10:
        if (cursor.is_bytes()) {
          sound = copy_elements(cursor.bytes(), elements.doubles);
        } else {
          elements.doubles.push_back(std::bit_cast<double>(cursor.number()));
        }
        break;
      case 14:
        elements.external = cursor.integer() != 0;
        break;
      default:
        break;
    }
  }
  return sound && cursor.ok();
}

template <class Element, class Listed>
bool widen(std::string_view raw, const std::vector<Listed>& listed, std::vector<double>& out) {
  std::vector<Element> elements;
  if (!copy_elements(raw, elements)) return false;
  out.assign(elements.begin(), elements.end());
  if (raw.empty()) out.assign(listed.begin(), listed.end());
  return true;
}

}  // namespace

bool OnnxNode::is_ensemble() const {
  return domain == "ai.onnx.ml" && (type == "TreeEnsembleClassifier" ||
                                    type == "TreeEnsembleRegressor" || type == "TreeEnsemble");
}

const OnnxConstant* OnnxGraph::constant(std::string_view name) const {
  for (const OnnxConstant& candidate : constants) {
    if (candidate.name == name) return &candidate;
  }
  return nullptr;
}

// ModelProto: graph = 7.
Result<OnnxGraph> read_onnx_graph(std::string_view file) {
  OnnxGraph graph;
  ProtoCursor cursor(file);
  while (cursor.next()) {
    if (cursor.field() == 7 && cursor.is_bytes() && !read_graph(cursor.bytes(), graph)) {
      return no_model();
    }
  }
  if (!cursor.ok()) return no_model();
  return graph;
}

Result<std::vector<OnnxAttribute>> read_attributes(const OnnxNode& node) {
  std::vector<OnnxAttribute> attributes;
  ProtoCursor cursor(node.encoded);
  while (cursor.next()) {
    if (cursor.field() != 5 || !cursor.is_bytes()) continue;
    if (!read_attribute(cursor.bytes(), attributes.emplace_back())) return no_model();
  }
  if (!cursor.ok()) return no_model();
  return attributes;
}

Result<OnnxTensor> read_tensor(std::string_view encoded) {
  OnnxTensor tensor;
  EncodedElements from;
  if (!read_elements(encoded, tensor.dims, from)) return no_model();
  if (from.external) return Status::unimplemented("a tensor lies outside of the file");
  tensor.element_type = from.type;
  bool sound = false;
  switch (from.type) {
    case kFloat:
      sound = widen<float>(from.raw, from.floats, tensor.values);
      break;
    case kDouble:
      sound = widen<double>(from.raw, from.doubles, tensor.values);
      break;
    case kUint8:
      sound = widen<std::uint8_t>(from.raw, from.integers, tensor.values);
      break;
    case kInt8:
      sound = widen<std::int8_t>(from.raw, from.integers, tensor.values);
      break;
    case kInt32:
      sound = widen<std::int32_t>(from.raw, from.integers, tensor.values);
      break;
    case kInt64:
      sound = widen<std::int64_t>(from.raw, from.integers, tensor.values);
      break;
    default:
      return Status::unimplemented("a tensor has an element type that is not read here");
  }
  if (!sound) return no_model();
  return tensor;
}

}  // namespace mlops
