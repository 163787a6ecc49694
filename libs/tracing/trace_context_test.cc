#include "libs/tracing/trace_context.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace quotaplane::tracing {
namespace {

constexpr char kHeader[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

TEST(TraceParent, IsReadAndWrittenTheSame) {
  const auto context = ParseTraceParent(kHeader);
  ASSERT_TRUE(context.has_value());
  EXPECT_EQ(context->trace_id[0], 0x4b);
  EXPECT_EQ(context->trace_id[15], 0x36);
  EXPECT_EQ(context->span_id[1], 0xf0);
  EXPECT_TRUE(context->sampled);
  EXPECT_EQ(FormatTraceParent(*context), kHeader);
}

TEST(TraceParent, OnlyTheLowestFlagSaysSampled) {
  std::string header = kHeader;
  header.replace(53, 2, "fe");
  ASSERT_TRUE(ParseTraceParent(header).has_value());
  EXPECT_FALSE(ParseTraceParent(header)->sampled);
  header.replace(53, 2, "03");
  EXPECT_TRUE(ParseTraceParent(header)->sampled);
}

TEST(TraceParent, OneOfAVersionToComeIsReadAsFarAsItIsKnown) {
  std::string header = std::string(kHeader) + "-what-comes";
  EXPECT_FALSE(ParseTraceParent(header).has_value()) << "version 00 has no more fields";
  header.replace(0, 2, "01");
  EXPECT_EQ(ParseTraceParent(header), ParseTraceParent(kHeader));
  header[55] = '.';
  EXPECT_FALSE(ParseTraceParent(header).has_value());
}

TEST(TraceParent, WhatIsNoneIsNone) {
  const std::string good = kHeader;
  std::vector<std::string> bad = {"",
                                  "00",
                                  good.substr(0, 54),
                                  good + " ",
                                  "ff" + good.substr(2),
                                  "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
                                  "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
                                  std::string(55, '\0'),
                                  std::string(4096, '0')};
  // No place takes anything but what belongs there.
  for (size_t at = 0; at < good.size(); ++at) {
    for (const char c : {'G', '/', ':', '`', 'A', '\xff'}) {
      std::string one = good;
      one[at] = c;
      bad.push_back(one);
    }
  }
  for (const std::string& header : bad) {
    EXPECT_FALSE(ParseTraceParent(header).has_value()) << header;
  }
}

TEST(PackedTraceContext, IsUnpackedTheSame) {
  const TraceContext context = *ParseTraceParent(kHeader);
  const std::string bytes = PackTraceContext(context);
  EXPECT_EQ(bytes.size(), 25u);
  EXPECT_EQ(UnpackTraceContext(bytes), context);
  EXPECT_FALSE(UnpackTraceContext(bytes.substr(1)).has_value());
  EXPECT_FALSE(UnpackTraceContext(std::string(25, '\0')).has_value());
  EXPECT_FALSE(UnpackTraceContext("").has_value());
}

}  // namespace
}  // namespace quotaplane::tracing
