// Walks the whole chain of an audit log as a server gives it out, page by page, and compares it
// with what the log, and an auditor, have written down.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "libs/control/audit_chain.h"
#include "quotaplane/v1/admin.pb.h"

namespace quotaplane::quotactl {

// A row's number and its hash, in hex: "17:9f86d0…".
struct AuditMark {
  int64_t number = 0;
  std::string hash;
};
absl::StatusOr<AuditMark> ParseAuditMark(std::string_view flag, const std::string& text);

// From the messages to what libs/control checks. Nothing where a hash is no hash.
std::optional<AuditRow> RowOf(const v1::AuditRow& row);

class AuditWalk {
 public:
  // `expected`: what was written down of an earlier walk.
  explicit AuditWalk(std::optional<AuditMark> expected) : expected_(std::move(expected)) {}

  // The next page. Null: it follows. Otherwise the first thing that is wrong.
  std::optional<std::string> Take(const v1::ListAuditResponse& page);
  // After the last page.
  std::optional<std::string> End() const;

  int64_t last_number() const { return check_.last_number(); }
  // To be written down.
  AuditMark mark() const;

 private:
  std::optional<std::string> TakeRow(const v1::AuditRow& row);

  const std::optional<AuditMark> expected_;
  AuditCheck check_;
  std::map<int64_t, std::string> hashes_;  // of the last page, and of the row before it
  AuditMark head_;                         // as the log has it, by the last page
};

}  // namespace quotaplane::quotactl
