#include "trees/forest_reader.h"

#include <algorithm>
#include <utility>

namespace mlops {

const OnnxAttribute* AttributeList::find(std::string_view name) const {
  for (const OnnxAttribute& attribute : attributes_) {
    if (attribute.name == name) return &attribute;
  }
  return nullptr;
}

std::span<const std::int64_t> AttributeList::integers(std::string_view name) const {
  const OnnxAttribute* found = find(name);
  return found ? std::span<const std::int64_t>(found->integers) : std::span<const std::int64_t>();
}

std::span<const std::string_view> AttributeList::texts(std::string_view name) const {
  const OnnxAttribute* found = find(name);
  return found ? std::span<const std::string_view>(found->texts)
               : std::span<const std::string_view>();
}

std::int64_t AttributeList::integer(std::string_view name, std::int64_t otherwise) const {
  const OnnxAttribute* found = find(name);
  return found ? found->integer.value_or(otherwise) : otherwise;
}

float AttributeList::number(std::string_view name, float otherwise) const {
  const OnnxAttribute* found = find(name);
  return found && found->number ? *found->number : otherwise;
}

std::string_view AttributeList::text(std::string_view name, std::string_view otherwise) const {
  const OnnxAttribute* found = find(name);
  return found ? found->text : otherwise;
}

Result<std::vector<double>> AttributeList::numbers(std::string_view name) const {
  const OnnxAttribute* list = find(name);
  const OnnxAttribute* tensor = find(std::string(name) + "_as_tensor");
  const bool listed = list && !list->numbers.empty();
  if (!tensor && list && !list->tensor.empty()) std::swap(list, tensor);
  if (!tensor || tensor->tensor.empty()) {
    if (!listed) return std::vector<double>();
    return std::vector<double>(list->numbers.begin(), list->numbers.end());
  }
  Result<OnnxTensor> read = read_tensor(tensor->tensor);
  if (!read.ok()) return read.status();
  if (listed && !read->values.empty()) {
    return Status::invalid_argument("attribute '" + std::string(name) + "' is there twice");
  }
  return std::move(read->values);
}

Status broken_ensemble(const std::string& why) {
  return Status::invalid_argument("its tree ensemble is broken: " + why);
}

Result<Forest> read_forest(const OnnxNode& node) {
  Result<std::vector<OnnxAttribute>> read = read_attributes(node);
  if (!read.ok()) return read.status();
  const AttributeList attributes(*std::move(read));
  Forest forest;
  forest.is_classifier = node.type == "TreeEnsembleClassifier";
  const Status status = node.type == "TreeEnsemble"
                            ? read_linked_forest(attributes, forest)
                            : read_listed_forest(attributes, forest.is_classifier, forest);
  if (!status.ok()) return status;
  if (Status s = check_trees(forest); !s.ok()) return s;
  return forest;
}

}  // namespace mlops
