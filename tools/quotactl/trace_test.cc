#include "tools/quotactl/trace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

namespace quotaplane::quotactl {
namespace {

constexpr char kHeader[] = "TIMESTAMP,ContextTokens,GeneratedTokens\r\n";

// The rows of `text` as "line:context/generated …", or the error.
std::string Read(const std::string& text) {
  std::istringstream in(text);
  TraceReader reader(in, "t.csv");
  if (absl::Status status = reader.ReadHeader(); !status.ok()) return std::string(status.message());
  std::string rows;
  TraceRow row;
  while (true) {
    const absl::StatusOr<bool> more = reader.Next(&row);
    if (!more.ok()) return std::string(more.status().message());
    if (!*more) return rows;
    rows += std::to_string(row.line) + ":" + std::to_string(row.context_tokens) + "/" +
            std::to_string(row.generated_tokens) + " ";
  }
}

std::string ReadRow(const std::string& row) { return Read(kHeader + row); }

TEST(Trace, LinesEndInCrLfOrLfAndTheLastMayLackItsEnd) {
  EXPECT_EQ(Read("TIMESTAMP,ContextTokens,GeneratedTokens\r\n"
                 "2023-11-16 18:17:03.9799600,4808,10\r\n"
                 "2023-11-16 18:17:04.0319600,3180,8\n"
                 "2023-11-16 18:17:05,0,0"),
            "2:4808/10 3:3180/8 4:0/0 ");
}

TEST(Trace, ColumnsAreFoundByName) {
  EXPECT_EQ(Read("user,GeneratedTokens,ContextTokens,TIMESTAMP\n"
                 "x,7,9,2023-11-16 18:17:03\n"),
            "2:9/7 ");
}

TEST(Trace, AHeaderAloneIsAnEmptyTrace) { EXPECT_EQ(Read(kHeader), ""); }

TEST(Trace, TheHeaderMustBeThere) {
  EXPECT_EQ(Read(""), "t.csv: empty; a header was expected");
  EXPECT_EQ(Read("TIMESTAMP,ContextTokens\n"),
            "t.csv:1: the header must name the column GeneratedTokens once");
  EXPECT_EQ(Read("TIMESTAMP,ContextTokens,ContextTokens,GeneratedTokens\n"),
            "t.csv:1: the header must name the column ContextTokens once");
}

TEST(Trace, ErrorsNameTheLine) {
  const std::string good = "2023-11-16 18:17:03,1,2\n";
  EXPECT_EQ(ReadRow(good + "2023-11-16 18:17:03,1\n"), "t.csv:3: 2 fields; the header has 3");
  EXPECT_EQ(ReadRow(good + "\n" + good), "t.csv:3: 1 fields; the header has 3");
  EXPECT_EQ(ReadRow("2023-11-16 18:17:03,-1,2\n"),
            "t.csv:2: ContextTokens is \"-1\"; a whole number from 0 to 2^53-1 was expected");
  EXPECT_EQ(ReadRow("2023-11-16 18:17:03,1,\n"),
            "t.csv:2: GeneratedTokens is \"\"; a whole number from 0 to 2^53-1 was expected");
  EXPECT_EQ(ReadRow("yesterday,1,2\n"),
            "t.csv:2: TIMESTAMP is \"yesterday\"; a time such as 2023-11-16 18:17:03.9799600 was "
            "expected");
}

TEST(Trace, TokensHaveABound) {
  EXPECT_EQ(ReadRow("2023-11-16 18:17:03,9007199254740991,2\n"), "2:9007199254740991/2 ");
  EXPECT_THAT(ReadRow("2023-11-16 18:17:03,9007199254740992,2\n"), testing::HasSubstr("2^53-1"));
  EXPECT_THAT(ReadRow("2023-11-16 18:17:03,99999999999999999999,2\n"),
              testing::HasSubstr("2^53-1"));
  EXPECT_THAT(ReadRow("2023-11-16 18:17:03, 1,2\n"), testing::HasSubstr("2^53-1"));
}

TEST(Trace, LinesHaveABound) {
  EXPECT_EQ(ReadRow(std::string(5000, 'x')), "t.csv:2: longer than 4096 bytes");
  EXPECT_EQ(ReadRow(std::string(5000, 'x') + "\n"), "t.csv:2: longer than 4096 bytes");
}

TEST(Trace, AMissingFileIsNotFound) {
  EXPECT_EQ(CheckTrace("/nonexistent/trace.csv").status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace quotaplane::quotactl
