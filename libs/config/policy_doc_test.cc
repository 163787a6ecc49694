// docs/policy.md says what is true: its examples are policies, and its mistakes are reported as it
// shows.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "libs/config/policy_reader.h"

namespace quotaplane {
namespace {

struct Example {
  std::string text;
  int line = 0;
};

// The blocks of the page that begin with ```LANGUAGE.
std::vector<Example> Examples(const std::string& language) {
  std::ifstream page(QP_SOURCE_DIR "/docs/policy.md");
  EXPECT_TRUE(page.good());
  std::vector<Example> examples;
  bool inside = false;
  int number = 0;
  for (std::string line; std::getline(page, line);) {
    ++number;
    if (line.rfind("```", 0) == 0) {
      inside = line == "```" + language;
      if (inside) examples.push_back({"", number});
    } else if (inside) {
      examples.back().text += line + "\n";
    }
  }
  return examples;
}

TEST(PolicyDocTest, EveryExampleIsAPolicy) {
  const std::vector<Example> examples = Examples("yaml");
  EXPECT_GE(examples.size(), 6u);
  for (const Example& example : examples) {
    const auto policy = ParsePolicy(example.text, "example");
    EXPECT_TRUE(policy.ok()) << "docs/policy.md:" << example.line << ":\n" << policy.status();
  }
}

TEST(PolicyDocTest, TheMistakesAreReportedAsShown) {
  const std::vector<Example> examples = Examples("text");
  ASSERT_EQ(examples.size(), 1u);
  const auto policy = ParsePolicy(
      "limits:\n"
      "  - id: user-month\n"
      "    per: [user]\n"
      "    on_outage: deny\n"
      "    unit: usd\n"
      "    amount: 5\n"
      "    windo: day\n"
      "    window: day\n",
      "policy.yaml");
  ASSERT_FALSE(policy.ok());
  const auto other = ParsePolicy(
      "limits:\n"
      "  - id: user-month\n"
      "    per: [user]\n"
      "    on_outage: deny\n"
      "    unit: usd\n"
      "    amount: 5\n"
      "    window: day\n"
      "    overrides:\n"
      "      - {team: search, amount: 9}\n",
      "policy.yaml");
  ASSERT_FALSE(other.ok());
  std::ostringstream both;
  both << policy.status().message() << "\n" << other.status().message() << "\n";
  EXPECT_EQ(both.str(), examples[0].text);
}

TEST(PolicyDocTest, TheOverrideThatWouldBeAnErrorIsOne) {
  for (const Example& example : Examples("yaml")) {
    if (example.text.find("{team: research, amount: 2000}") == std::string::npos) continue;
    EXPECT_FALSE(ParsePolicy(example.text + "      - {user: bob, amount: 900}\n", "p").ok());
    EXPECT_TRUE(
        ParsePolicy(example.text + "      - {team: sales, user: bob, amount: 900}\n", "p").ok());
    return;
  }
  FAIL() << "the page has no such example";
}

}  // namespace
}  // namespace quotaplane
