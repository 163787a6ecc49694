// The chain, broken in every way: each is found, at the first row that is not as it was.
#include "libs/control/audit_chain.h"

#include <functional>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace quotaplane {
namespace {

using ::testing::HasSubstr;

std::vector<AuditRow> Chain(int rows) {
  std::vector<AuditRow> chain;
  std::string previous(32, '\0');
  for (int i = 1; i <= rows; ++i) {
    AuditRow row{"acme", i,  1'000 + i, "token:ci",  "SetLimit", "policy/1", "OK",
                 "why",  "", "{}",      "{\"n\":1}", previous,   ""};
    row.hash = previous = AuditHash(row);
    chain.push_back(std::move(row));
  }
  return chain;
}

// Where the check stops, and why; {0, ""}: nowhere.
std::pair<size_t, std::string> Stops(const std::vector<AuditRow>& rows) {
  AuditCheck check;
  for (size_t i = 0; i < rows.size(); ++i) {
    if (const auto wrong = check.Next(rows[i])) return {i + 1, *wrong};
  }
  return {0, ""};
}

TEST(AuditChainTest, AnUnbrokenChain) {
  const std::vector<AuditRow> chain = Chain(20);
  EXPECT_EQ(Stops(chain).first, 0U);
  AuditCheck check;
  for (int i = 0; i < 10; ++i) EXPECT_EQ(check.Next(chain[i]), std::nullopt);
  AuditCheck later(check.last_number(), check.last_hash());
  for (int i = 10; i < 20; ++i) EXPECT_EQ(later.Next(chain[i]), std::nullopt);
  EXPECT_EQ(later.last_number(), 20);
  EXPECT_EQ(later.last_hash(), chain.back().hash);
}

// By another implementation, made after what the header says.
TEST(AuditChainTest, TheHashIsPinned) {
  const AuditRow row = Chain(1)[0];
  EXPECT_EQ(absl::BytesToHexString(row.hash),
            "a2ce01179336b7de8e774c37697dfcbaf7a627ff064a8805931211b2b24fdb64");
}

TEST(AuditChainTest, EachFieldCounts) {
  const std::vector<std::pair<const char*, std::function<void(AuditRow*)>>> changes = {
      {"org", [](AuditRow* r) { r->org = "acm"; }},
      {"number", [](AuditRow* r) { ++r->number; }},
      {"at_us", [](AuditRow* r) { ++r->at_us; }},
      {"actor", [](AuditRow* r) { r->actor += "x"; }},
      {"action", [](AuditRow* r) { r->action = "GetLimit"; }},
      {"target", [](AuditRow* r) { r->target = "policy/2"; }},
      {"outcome", [](AuditRow* r) { r->outcome = "NOT_FOUND"; }},
      {"reason", [](AuditRow* r) { r->reason.clear(); }},
      {"address", [](AuditRow* r) { r->address = "ipv4:127.0.0.1:1"; }},
      {"before", [](AuditRow* r) { r->before = ""; }},
      {"after", [](AuditRow* r) { r->after[5] = '2'; }},
      {"previous_hash", [](AuditRow* r) { r->previous_hash[31] ^= 1; }},
      {"hash", [](AuditRow* r) { r->hash[0] ^= 1; }},
      // Across a border of fields.
      {"border", [](AuditRow* r) { r->action = "SetLimitp", r->target = "olicy/1"; }},
  };
  for (const auto& [field, change] : changes) {
    for (const size_t at : {size_t{0}, size_t{4}, size_t{9}}) {
      std::vector<AuditRow> chain = Chain(10);
      change(&chain[at]);
      EXPECT_EQ(Stops(chain).first, at + 1) << field;
      // With its hash made anew, the next row shows it.
      if (std::string_view(field) == "hash" || std::string_view(field) == "previous_hash" ||
          std::string_view(field) == "number") {
        continue;
      }
      chain[at].hash = AuditHash(chain[at]);
      EXPECT_EQ(Stops(chain).first, at == 9 ? 0 : at + 2) << field;
    }
  }
}

TEST(AuditChainTest, RowsRemovedInsertedAndMoved) {
  const std::vector<AuditRow> whole = Chain(10);
  for (size_t at = 0; at < 9; ++at) {
    std::vector<AuditRow> removed = whole;
    removed.erase(removed.begin() + static_cast<ptrdiff_t>(at));
    EXPECT_EQ(Stops(removed).first, at + 1);
    EXPECT_THAT(Stops(removed).second, HasSubstr("is missing"));

    std::vector<AuditRow> doubled = whole;
    doubled.insert(doubled.begin() + static_cast<ptrdiff_t>(at), whole[at]);
    EXPECT_EQ(Stops(doubled).first, at + 2);

    std::vector<AuditRow> swapped = whole;
    std::swap(swapped[at], swapped[at + 1]);
    EXPECT_EQ(Stops(swapped).first, at + 1);

    // Removed, and all numbers after it moved up.
    for (size_t i = at; i < removed.size(); ++i) --removed[i].number;
    EXPECT_EQ(Stops(removed).first, at + 1);

    // A forged one in its place, with a hash that fits it.
    std::vector<AuditRow> forged = whole;
    forged[at].actor = "nobody";
    forged[at].hash = AuditHash(forged[at]);
    EXPECT_EQ(Stops(forged).first, at + 2);
    EXPECT_THAT(Stops(forged).second, HasSubstr("does not continue"));
  }
}

// An intact chain by itself: what the head says tells.
TEST(AuditChainTest, RowsCutOffTheEndShowByTheHead) {
  const std::vector<AuditRow> whole = Chain(10);
  AuditCheck check;
  for (int i = 0; i < 8; ++i) EXPECT_EQ(check.Next(whole[i]), std::nullopt);
  EXPECT_NE(check.last_number(), whole.back().number);
  EXPECT_NE(check.last_hash(), whole.back().hash);
}

TEST(AuditChainTest, AWrongRowIsNotTaken) {
  const std::vector<AuditRow> chain = Chain(3);
  AuditCheck check;
  EXPECT_EQ(check.Next(chain[0]), std::nullopt);
  EXPECT_EQ(check.Next(chain[2]), "row 3 follows row 1: row 2 is missing");
  EXPECT_EQ(check.Next(chain[0]), "row 1 follows row 1: it is not the next");
  EXPECT_EQ(check.Next(chain[1]), std::nullopt);
  EXPECT_EQ(check.Next(chain[2]), std::nullopt);
}

}  // namespace
}  // namespace quotaplane
