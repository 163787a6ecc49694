#include "tools/quotactl/audit_walk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace quotaplane::quotactl {
namespace {

using ::testing::HasSubstr;
using ::testing::Optional;

v1::AuditRow RowAfter(int64_t number, const std::string& previous_hash) {
  AuditRow row;
  row.org = "acme";
  row.number = number;
  row.at_us = 1'764'000'000'000'000 + number;
  row.actor = "token:ann";
  row.action = "SetLimit";
  row.target = absl::StrCat("policy/", number);
  row.outcome = "OK";
  row.previous_hash = previous_hash;
  v1::AuditRow proto;
  proto.set_org(row.org);
  proto.set_number(number);
  proto.mutable_time()->set_seconds(row.at_us / 1'000'000);
  proto.mutable_time()->set_nanos(static_cast<int32_t>(row.at_us % 1'000'000 * 1'000));
  proto.set_actor(row.actor);
  proto.set_action(row.action);
  proto.set_target(row.target);
  proto.set_outcome(row.outcome);
  proto.set_previous_hash(absl::BytesToHexString(previous_hash));
  proto.set_hash(absl::BytesToHexString(AuditHash(row)));
  return proto;
}

// A whole log, in pages of `size` rows.
std::vector<v1::ListAuditResponse> Log(int rows, int size) {
  std::vector<v1::AuditRow> all;
  std::string previous(32, '\0');
  for (int i = 1; i <= rows; ++i) {
    all.push_back(RowAfter(i, previous));
    previous = absl::HexStringToBytes(all.back().hash());
  }
  std::vector<v1::ListAuditResponse> pages;
  for (int i = 0; i < rows; i += size) {
    v1::ListAuditResponse& page = pages.emplace_back();
    for (int j = i; j < std::min(rows, i + size); ++j) *page.add_rows() = all[j];
    page.set_last_number(rows);
    page.set_last_hash(all.back().hash());
  }
  return pages;
}

// What is wrong with the log.
std::optional<std::string> Walk(const std::vector<v1::ListAuditResponse>& pages,
                                const std::optional<AuditMark>& expected = std::nullopt) {
  AuditWalk walk(expected);
  for (const v1::ListAuditResponse& page : pages) {
    if (auto wrong = walk.Take(page)) return wrong;
  }
  return walk.End();
}

TEST(AuditWalk, AWholeLogIsIntact) {
  EXPECT_EQ(Walk(Log(7, 3)), std::nullopt);
  EXPECT_EQ(Walk(Log(6, 3)), std::nullopt);
  v1::ListAuditResponse empty;
  empty.set_last_hash(std::string(64, '0'));
  EXPECT_EQ(Walk({empty}), std::nullopt);
}

TEST(AuditWalk, NamesTheFirstBadRow) {
  auto changed = Log(7, 3);
  changed[1].mutable_rows(1)->set_actor("token:mallory");
  EXPECT_THAT(Walk(changed), Optional(HasSubstr("row 5")));
  auto missing = Log(7, 3);
  missing[1].mutable_rows()->DeleteSubrange(1, 1);
  EXPECT_THAT(Walk(missing), Optional(HasSubstr("5")));
  auto no_hash = Log(3, 3);
  no_hash[0].mutable_rows(1)->set_hash("abc");
  EXPECT_THAT(Walk(no_hash), Optional(HasSubstr("row 2")));
}

TEST(AuditWalk, RowsThatAreMissingFromTheEnd) {
  auto cut = Log(7, 3);
  cut.pop_back();
  EXPECT_THAT(Walk(cut), Optional(HasSubstr("rows 7 to 7 are missing")));
  auto other_head = Log(3, 3);
  other_head[0].set_last_hash(std::string(64, 'a'));
  EXPECT_THAT(Walk(other_head), Optional(HasSubstr("another hash")));
  // The head was set back, and rows follow it: they were slipped in.
  auto old_head = Log(7, 2);
  for (auto& page : old_head) page.set_last_number(2);
  EXPECT_NE(Walk(old_head), std::nullopt);
}

TEST(AuditWalk, RowsThatAreWrittenMeanwhileAreNoBreak) {
  auto pages = Log(7, 3);
  // The head of each page was read before its rows.
  pages[0].set_last_number(2);
  pages[0].set_last_hash(pages[0].rows(1).hash());
  pages[1].set_last_number(3);
  pages[1].set_last_hash(pages[0].rows(2).hash());
  pages[2].set_last_number(6);
  pages[2].set_last_hash(pages[1].rows(2).hash());
  EXPECT_EQ(Walk(pages), std::nullopt);
}

TEST(AuditWalk, ALogThatWasWrittenAnewIsFoundByWhatWasWrittenDown) {
  const auto log = Log(5, 5);
  const AuditMark third = {3, log[0].rows(2).hash()};
  EXPECT_EQ(Walk(log, third), std::nullopt);
  EXPECT_THAT(Walk(log, AuditMark{3, std::string(64, 'a')}), Optional(HasSubstr("row 3")));
  EXPECT_THAT(Walk(Log(2, 2), third), Optional(HasSubstr("row 3 was expected")));
}

TEST(AuditWalk, MarksBothWays) {
  AuditWalk walk(std::nullopt);
  const auto log = Log(4, 4);
  EXPECT_EQ(walk.Take(log[0]), std::nullopt);
  const AuditMark mark = walk.mark();
  const auto parsed = ParseAuditMark("--expect", absl::StrCat(mark.number, ":", mark.hash));
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->number, 4);
  EXPECT_EQ(parsed->hash, log[0].rows(3).hash());
  for (const char* bad : {"", "4", "4:abc", "x:9f86", ":9f86"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(ParseAuditMark("--expect", bad).status())) << bad;
  }
  EXPECT_FALSE(ParseAuditMark("--expect", "0:" + std::string(64, 'a')).ok());
  EXPECT_FALSE(ParseAuditMark("--expect", "1:" + std::string(64, 'g')).ok());
}

}  // namespace
}  // namespace quotaplane::quotactl
