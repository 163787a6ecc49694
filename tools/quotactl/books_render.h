// The books, corrections and the ledger's state as text for people.
#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "quotaplane/v1/books.pb.h"
#include "tools/terminal/style.h"

namespace quotaplane::quotactl {

// What a whole stream of Verify or RebuildCounters said.
struct Books {
  std::vector<v1::BookRow> rows;
  std::vector<v1::OrgBooks> orgs;
  int64_t limits = 0;

  // Every org's books are known, and balance.
  bool balanced() const;
  bool known() const;
};

enum class BooksKind { kVerify, kRebuild, kDryRun };

std::string BooksAsText(const Books& books, BooksKind kind, const terminal::Style& style);
std::string BooksAsJson(const Books& books);
std::string AdjustAsText(const v1::AdjustResponse& response, const terminal::Style& style);
std::string RerateAsText(const v1::RerateResponse& response, bool dry_run,
                         const terminal::Style& style);
std::string ErasureAsText(const std::string& user, const v1::EraseUserResponse& response);
std::string StatusAsText(const v1::GetStatusResponse& response, absl::Time now,
                         const terminal::Style& style);

}  // namespace quotaplane::quotactl
