#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "libs/policy/policy.h"
#include "libs/testing/relative_cost.h"

namespace quotaplane {
namespace {

bool Matches(const std::string& pattern, std::string_view text) {
  return Glob(pattern).Matches(text);
}

TEST(GlobTest, LiteralMatchesItselfOnly) {
  EXPECT_TRUE(Matches("claude-opus-4", "claude-opus-4"));
  EXPECT_FALSE(Matches("claude-opus-4", "claude-opus-4-1"));
  EXPECT_FALSE(Matches("claude-opus-4", "laude-opus-4"));
  EXPECT_FALSE(Matches("claude", "Claude"));
  EXPECT_TRUE(Glob("a.b[c]").literal());
  EXPECT_FALSE(Glob("a*").literal());
  EXPECT_FALSE(Glob("a?").literal());
}

TEST(GlobTest, StarMatchesAnyRunAlsoNone) {
  EXPECT_TRUE(Matches("*", ""));
  EXPECT_TRUE(Matches("*", "anything"));
  EXPECT_TRUE(Matches("claude-*", "claude-"));
  EXPECT_TRUE(Matches("claude-*", "claude-opus"));
  EXPECT_FALSE(Matches("claude-*", "claude"));
  EXPECT_TRUE(Matches("*-latest", "gpt-latest"));
  EXPECT_FALSE(Matches("*-latest", "gpt-latest-2"));
  EXPECT_TRUE(Matches("a*b*c", "a-b-b-c"));
  EXPECT_FALSE(Matches("a*b*c", "a-c-b"));
  EXPECT_TRUE(Matches("**a**", "bab"));
}

TEST(GlobTest, QuestionMarkMatchesOneCharacterOfUtf8) {
  EXPECT_TRUE(Matches("gpt-?", "gpt-5"));
  EXPECT_FALSE(Matches("gpt-?", "gpt-"));
  EXPECT_FALSE(Matches("gpt-?", "gpt-55"));
  EXPECT_TRUE(Matches("caf?", "café"));
  EXPECT_FALSE(Matches("caf??", "café"));
  EXPECT_TRUE(Matches("*?", "é"));
  EXPECT_FALSE(Matches("*??", "é"));
  EXPECT_TRUE(Matches("*??é", "日本é"));
}

// What the definition says, one case at a time.
bool Naive(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] == '*') {
    return Naive(pattern.substr(1), text) || (!text.empty() && Naive(pattern, text.substr(1)));
  }
  if (text.empty()) return false;
  return (pattern[0] == '?' || pattern[0] == text[0]) && Naive(pattern.substr(1), text.substr(1));
}

// Every word of up to `length` letters of `alphabet`.
std::vector<std::string> Words(std::string_view alphabet, size_t length) {
  std::vector<std::string> words = {""};
  for (size_t from = 0; words[from].size() < length; ++from) {
    for (const char c : alphabet) words.push_back(words[from] + c);
  }
  return words;
}

TEST(GlobTest, AgreesWithTheDefinitionOnEverySmallInput) {
  const std::vector<std::string> texts = Words("ab", 6);
  for (const std::string& pattern : Words("ab*?", 5)) {
    for (const std::string& text : texts) {
      ASSERT_EQ(Matches(pattern, text), Naive(pattern, text)) << pattern << " on " << text;
    }
  }
}

TEST(GlobTest, ManyStarsDoNotExplode) {
  std::string pattern;
  for (int i = 0; i < 64; ++i) pattern += "a*";
  pattern += "b";
  const std::string text(kMaxValueBytes, 'a');
  const Glob glob(pattern);
  // At most 128 x 129 steps; trying every placement of the stars would never end.
  const double start_s = fixtures::ThreadSeconds();
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(glob.Matches(text));
  EXPECT_LT(fixtures::ThreadSeconds() - start_s, 2);
}

}  // namespace
}  // namespace quotaplane
