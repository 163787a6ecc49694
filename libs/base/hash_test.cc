#include "libs/base/hash.h"

#include <gtest/gtest.h>

namespace quotaplane {
namespace {

std::string Hex(std::string_view bytes) {
  std::string hex;
  for (unsigned char c : bytes) {
    hex += "0123456789abcdef"[c >> 4];
    hex += "0123456789abcdef"[c & 15];
  }
  return hex;
}

// Stored names must never change: a new value here means that every deployed counter is lost.
TEST(HashTest, DigestsArePinned) {
  EXPECT_EQ(Hex(HashOf("").view()), "cae66941d9efbd404e4d88758ea67670");
  EXPECT_EQ(Hex(HashOf("abc").view()), "cf4ab791c62b8d2b2109c90275287816");
}

TEST(HashTest, LongHashesArePinned) {
  const Hash256 hash = Hash256Of("abc");
  EXPECT_EQ(Hex({hash.data(), hash.size()}),
            "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
}

TEST(HashTest, FieldBoundariesCount) {
  FieldBuffer a, b;
  a.Add("ab").Add("c");
  b.Add("a").Add("bc");
  EXPECT_NE(a.digest(), b.digest());
}

}  // namespace
}  // namespace quotaplane
