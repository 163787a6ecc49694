// One test for each *.scenario file of this directory.
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "libs/testing/fatal.h"
#include "tests/scenarios/runner.h"

namespace quotaplane::scenarios {
namespace {

std::vector<std::string> ScenarioFiles() {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(QP_SCENARIO_DIR)) {
    if (entry.path().extension() == ".scenario") files.push_back(entry.path().filename().string());
  }
  if (files.empty()) fixtures::Fatal("no scenarios in " QP_SCENARIO_DIR);
  std::sort(files.begin(), files.end());
  return files;
}

class Scenario : public testing::TestWithParam<std::string> {};

TEST_P(Scenario, HoldsAsWritten) {
  std::ifstream file(std::string(QP_SCENARIO_DIR "/") + GetParam(), std::ios::binary);
  ASSERT_TRUE(file.good());
  const std::string text(std::istreambuf_iterator<char>(file), {});
  for (const std::string& failure : RunScenario(text, GetParam())) {
    ADD_FAILURE() << failure;
  }
}

std::string TestName(const testing::TestParamInfo<std::string>& info) {
  std::string name = info.param.substr(0, info.param.rfind('.'));
  std::replace_if(
      name.begin(), name.end(), [](unsigned char c) { return !std::isalnum(c); }, '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Files, Scenario, testing::ValuesIn(ScenarioFiles()), TestName);

}  // namespace
}  // namespace quotaplane::scenarios
