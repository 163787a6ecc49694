#include "libs/base/did_you_mean.h"

#include <gtest/gtest.h>

namespace quotaplane {
namespace {

TEST(DidYouMeanTest, NamesTheNearest) {
  EXPECT_EQ(DidYouMean("windo", {"unit", "window"}), "; did you mean \"window\"?");
  EXPECT_EQ(DidYouMean("WINDOW", {"unit", "window"}), "; did you mean \"window\"?");
  EXPECT_EQ(DidYouMean("teem", {"team"}), "; did you mean \"team\"?");
}

TEST(DidYouMeanTest, ShortWordsMayHaveOneSlipAndLongOnesTwo) {
  EXPECT_EQ(DidYouMean("tame", {"team"}), "");
  EXPECT_EQ(DidYouMean("projcet", {"project"}), "; did you mean \"project\"?");
  EXPECT_EQ(DidYouMean("prjocte", {"project"}), "");
  EXPECT_EQ(DidYouMean("colour", {}), "");
}

}  // namespace
}  // namespace quotaplane
