#include "libs/base/quote.h"

#include "gtest/gtest.h"

namespace quotaplane {
namespace {

TEST(QuoteTest, KeepsToOneLine) {
  EXPECT_EQ(QuoteForMessage("1h"), "\"1h\"");
  EXPECT_EQ(QuoteForMessage("1h\n\nx"), "\"1h\\n\\nx\"");
  EXPECT_EQ(QuoteForMessage("a\"b"), "\"a\\\"b\"");
}

TEST(QuoteTest, IsCutBetweenCharacters) {
  const std::string long_text = std::string(63, 'a') + "é";
  EXPECT_EQ(QuoteForMessage(long_text), "\"" + std::string(63, 'a') + "…\"");
}

}  // namespace
}  // namespace quotaplane
