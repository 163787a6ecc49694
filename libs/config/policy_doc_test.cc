// docs/policy.md says what is true: its examples are policies, and its mistakes are reported as it
// shows.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "absl/strings/str_split.h"
#include "libs/config/policy_reader.h"
#include "libs/policy/alert_digest.h"
#include "libs/policy/policy_builder.h"
#include "libs/policy/policy_text.h"

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

TEST(PolicyDocTest, TheDefaultAlertRulesAreAsShown) {
  for (const Example& example : Examples("yaml")) {
    if (example.text.find("id: limit-exhausted") == std::string::npos) continue;
    const auto policy = ParsePolicy(example.text, "p");
    ASSERT_TRUE(policy.ok()) << policy.status();
    ASSERT_TRUE((*policy)->document().alerts.has_value());
    EXPECT_EQ(AlertRulesDigest(*(*policy)->document().alerts),
              AlertRulesDigest(DefaultAlertRules()));
    // In the words of a document that would not leave them out.
    for (const AlertRule& rule : DefaultAlertRules()) {
      EXPECT_NE(example.text.find("  - " + TextOf(FieldsOf(rule)) + "\n"), std::string::npos)
          << rule.id;
    }
    return;
  }
  FAIL() << "the page has no such example";
}

// A limit as the table of defaults names it: by its window, or `concurrency`.
Limit Named(const std::string& word) {
  Limit limit = DailyLimit("l", {}, 1);
  if (word == "concurrency") {
    limit.unit = *ParseUnit(word);
    limit.window = WindowSpec();
  } else {
    limit.window = *ParseWindow(word, absl::UTCTimeZone(), 1);
  }
  return limit;
}

// What stands in backquotes.
std::vector<std::string> Quoted(absl::string_view cell) {
  const std::vector<std::string> parts = absl::StrSplit(cell, '`');
  std::vector<std::string> quoted;
  for (size_t i = 1; i < parts.size(); i += 2) quoted.push_back(parts[i]);
  return quoted;
}

TEST(PolicyDocTest, TheDefaultSharesAreAsShown) {
  std::ifstream page(QP_SOURCE_DIR "/docs/policy.md");
  int limits = 0;
  for (std::string line; std::getline(page, line);) {
    const std::vector<std::string> cells = absl::StrSplit(line, '|');  // "", LIMITS, SHARES, ""
    if (cells.size() != 4 || cells[2].rfind(" `[", 0) != 0) continue;
    for (const std::string& word : Quoted(cells[1])) {
      EXPECT_EQ(Quoted(cells[2])[0], SharesText(DefaultAlertAt(Named(word)))) << word;
      ++limits;
    }
  }
  EXPECT_EQ(limits, 12);
}

}  // namespace
}  // namespace quotaplane
