#include "libs/control/audit_chain.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/hash.h"

namespace quotaplane {
namespace {

constexpr std::string_view kFormat = "quotaplane audit 1";

}  // namespace

std::string AuditHash(const AuditRow& row) {
  FieldBuffer fields;
  fields.Add(kFormat).Add(row.previous_hash).Add(row.org).Add(row.number).Add(row.at_us);
  fields.Add(row.actor).Add(row.action).Add(row.target).Add(row.outcome).Add(row.reason);
  fields.Add(row.address).Add(row.before).Add(row.after);
  const Hash256 hash = Hash256Of(fields.view());
  return {hash.data(), hash.size()};
}

AuditCheck::AuditCheck(int64_t last_number, std::string last_hash)
    : last_number_(last_number), last_hash_(std::move(last_hash)) {}

std::optional<std::string> AuditCheck::Next(const AuditRow& row) {
  const std::string name = absl::StrCat("row ", row.number);
  if (row.number != last_number_ + 1) {
    return absl::StrCat(name, " follows row ", last_number_, ": ",
                        row.number > last_number_
                            ? absl::StrCat("row ", last_number_ + 1, " is missing")
                            : "it is not the next");
  }
  if (row.previous_hash != last_hash_) {
    return absl::StrCat(name, " does not continue the row before: one of the two was changed");
  }
  if (row.hash != AuditHash(row)) {
    return absl::StrCat(name, " was changed: its content does not have its hash");
  }
  last_number_ = row.number;
  last_hash_ = row.hash;
  return std::nullopt;
}

}  // namespace quotaplane
