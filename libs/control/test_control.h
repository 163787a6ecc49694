// A control plane's database of the test's own, with a clock that the test moves.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/control/audit_log.h"
#include "libs/control/change.h"
#include "libs/sql/migrate.h"
#include "libs/sql/test_database.h"

namespace quotaplane {

inline constexpr int64_t kNowUs = 1'793'491'200'000'000;  // 2026-11-01
inline constexpr int64_t kHourUs = int64_t{3600} * 1'000'000;

// "ABORTED ETAG_MISMATCH", "OK": a status as tests compare it.
inline std::string CodeAndReason(const absl::Status& status) {
  std::string text = absl::StatusCodeToString(status.code());
  if (const auto reason = ReasonOf(status)) absl::StrAppend(&text, " ", *reason);
  return text;
}

class ControlTest : public sql::DatabaseTest {
 protected:
  ControlTest() {
    const absl::Status migrated = sql::Migrate(*db_);
    EXPECT_TRUE(migrated.ok()) << migrated;
  }

  // Each with a request id of its own.
  ChangeRequest Request(const std::string& action, const std::string& actor = "token:ann") {
    return {
        "acme", actor,  "ipv4:127.0.0.1:1", action, absl::StrCat("request-", ++requests_), "digest",
        "why",  now_us_};
  }

  // Every row of every table but the audit log's, which refusals are written to.
  std::map<std::string, std::vector<std::string>> Everything() {
    std::map<std::string, std::vector<std::string>> tables;
    for (const char* table :
         {"control_head", "control_requests", "control_items", "policy_versions",
          "policy_documents", "policy_authors", "policy_approvals", "exceptions", "curbs",
          "virtual_keys", "price_books"}) {
      const auto rows = db_->Query({"all", absl::StrCat("SELECT * FROM ", table)});
      EXPECT_TRUE(rows.ok()) << rows.status();
      std::vector<std::string>& texts = tables[table];
      for (size_t i = 0; i < rows->size(); ++i) {
        std::string text;
        for (size_t c = 0; c < (*rows)[i].size(); ++c) {
          const sql::Value value = (*rows)[i][c];
          absl::StrAppend(&text, value.is_null() ? "NULL" : "", value.integer(), "|",
                          std::string(value.text()), std::string(value.bytes()), "|");
        }
        texts.push_back(std::move(text));
      }
      std::sort(texts.begin(), texts.end());
    }
    return tables;
  }

  // All of an org's rows, which are found to be an unbroken chain that ends as its head says.
  std::vector<AuditRow> Chain(const std::string& org = "acme") {
    const AuditLog log(db_.get());
    std::vector<AuditRow> chain;
    AuditCheck check;
    while (true) {
      const auto page = log.Read({org, check.last_number(), "", "", ""}, AuditLog::kMaxPageRows);
      EXPECT_TRUE(page.ok()) << page.status();
      if (!page.ok() || page->empty()) break;
      for (const AuditRow& row : *page) {
        const auto wrong = check.Next(row);
        EXPECT_EQ(wrong, std::nullopt);
        if (wrong.has_value()) return chain;
        chain.push_back(row);
      }
    }
    const auto head = log.Head(org);
    EXPECT_TRUE(head.ok()) << head.status();
    EXPECT_EQ(head->number, check.last_number());
    EXPECT_EQ(head->hash, check.last_hash());
    return chain;
  }

  int64_t Count(std::string_view sql) { return sql::MustCount(*db_, sql); }

  int64_t now_us_ = kNowUs;
  int requests_ = 0;
};

}  // namespace quotaplane
