#include "libs/reconcile/model_names.h"

#include <gtest/gtest.h>

namespace quotaplane::reconcile {
namespace {

TEST(CanonicalModel, DatesAndRoutersComeOff) {
  EXPECT_EQ(CanonicalModel("claude-sonnet-4-5"), "claude-sonnet-4-5");
  EXPECT_EQ(CanonicalModel("claude-sonnet-4-5-20250929"), "claude-sonnet-4-5");
  EXPECT_EQ(CanonicalModel("claude-sonnet-4-5@20250929"), "claude-sonnet-4-5");
  EXPECT_EQ(CanonicalModel("Anthropic/Claude-Sonnet-4-5"), "claude-sonnet-4-5");
  EXPECT_EQ(CanonicalModel("claude-3-7-sonnet-latest"), "claude-3-7-sonnet");
  EXPECT_EQ(CanonicalModel("openai/gpt-4o-2024-08-06"), "gpt-4o");
}

TEST(CanonicalModel, OtherNamesStay) {
  EXPECT_EQ(CanonicalModel("bedrock/claude-sonnet-4-5"), "bedrock/claude-sonnet-4-5");
  EXPECT_EQ(CanonicalModel("gpt-4-0613"), "gpt-4-0613");
  EXPECT_EQ(CanonicalModel("gpt-4o-mini"), "gpt-4o-mini");
  EXPECT_EQ(CanonicalModel("-20250929"), "-20250929");
  EXPECT_EQ(CanonicalModel("-latest"), "-latest");
  EXPECT_EQ(CanonicalModel("openai/"), "openai/");
  EXPECT_EQ(CanonicalModel(""), "");
}

}  // namespace
}  // namespace quotaplane::reconcile
