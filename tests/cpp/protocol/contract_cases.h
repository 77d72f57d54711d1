#pragma once
// Reads tests/contract: the cases of one folder, and the echo models that they need.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <vector>

#include "json_reference.h"
#include "support/loaded_engine.h"

#include <rapidjson/document.h>

namespace mlops::testing {

inline rapidjson::Document parse_json(const std::string& text) {
  constexpr unsigned kFlags = rapidjson::kParseNanAndInfFlag | rapidjson::kParseFullPrecisionFlag;
  rapidjson::Document document;
  document.Parse<kFlags>(text.c_str(), text.size());
  EXPECT_FALSE(document.HasParseError()) << text;
  return document;
}

inline rapidjson::Document load_json(const std::filesystem::path& path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return parse_json(text.str());
}

inline std::string text_member(const rapidjson::Value& object, const char* key) {
  if (!object.HasMember(key)) return {};
  return {object[key].GetString(), object[key].GetStringLength()};
}

inline std::string from_hex(const std::string& hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  }
  return bytes;
}

inline void load_contract_models(LoadedEngine& engine) {
  const auto models = load_json(std::filesystem::path(MLOPS_CONTRACT_DIR) / "models.json");
  for (const auto& model : models["models"].GetObject()) {
    std::vector<std::int64_t> dims;
    for (const auto& dim : model.value["dims"].GetArray()) dims.push_back(dim.GetInt64());
    const auto dtype = dtype_from_kserve(model.value["datatype"].GetString());
    engine.load_echo(model.name.GetString(), echo_signature(*dtype, dims));
  }
}

// Calls `check` for each case of a folder, under its name; gives how many there were.
inline std::size_t for_each_contract_case(
    const char* folder, const std::function<void(const rapidjson::Value&)>& check) {
  std::size_t cases = 0;
  const auto files = std::filesystem::path(MLOPS_CONTRACT_DIR) / folder;
  for (const auto& file : std::filesystem::directory_iterator(files)) {
    const auto document = load_json(file.path());
    for (const auto& entry : document.GetArray()) {
      SCOPED_TRACE(file.path().filename().string() + ": " + text_member(entry, "name"));
      check(entry);
      ++cases;
    }
  }
  return cases;
}

}  // namespace mlops::testing
