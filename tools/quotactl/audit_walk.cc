#include "tools/quotactl/audit_walk.h"

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "libs/base/absl_view.h"

namespace quotaplane::quotactl {
namespace {

constexpr size_t kHashBytes = 32;

bool IsHash(const std::string& hex) {
  if (hex.size() != 2 * kHashBytes) return false;
  for (const char c : hex) {
    if (!absl::ascii_isxdigit(static_cast<unsigned char>(c))) return false;
  }
  return true;
}

std::string Hex(const std::string& bytes) { return absl::BytesToHexString(bytes); }

}  // namespace

absl::StatusOr<AuditMark> ParseAuditMark(std::string_view flag, const std::string& text) {
  const size_t colon = text.find(':');
  AuditMark mark;
  if (colon == std::string::npos || !absl::SimpleAtoi(text.substr(0, colon), &mark.number) ||
      mark.number < 1 || !IsHash(text.substr(colon + 1))) {
    return absl::InvalidArgumentError(
        absl::StrCat(AbslView(flag), ": \"", text,
                     "\" is no NUMBER:HASH, as `quotactl audit verify` prints it"));
  }
  mark.hash = absl::AsciiStrToLower(text.substr(colon + 1));
  return mark;
}

std::optional<AuditRow> RowOf(const v1::AuditRow& row) {
  if (!IsHash(row.hash()) || !IsHash(row.previous_hash())) return std::nullopt;
  AuditRow to;
  to.org = row.org();
  to.number = row.number();
  to.at_us = row.time().seconds() * 1'000'000 + row.time().nanos() / 1'000;
  to.actor = row.actor();
  to.action = row.action();
  to.target = row.target();
  to.outcome = row.outcome();
  to.reason = row.reason();
  to.address = row.address();
  to.before = row.before();
  to.after = row.after();
  to.previous_hash = absl::HexStringToBytes(row.previous_hash());
  to.hash = absl::HexStringToBytes(row.hash());
  return to;
}

std::optional<std::string> AuditWalk::TakeRow(const v1::AuditRow& row) {
  const std::optional<AuditRow> read = RowOf(row);
  if (!read.has_value()) return absl::StrCat("row ", row.number(), " has no hash");
  if (std::optional<std::string> wrong = check_.Next(*read)) return wrong;
  if (expected_.has_value() && expected_->number == row.number() && expected_->hash != row.hash()) {
    return absl::StrCat("row ", row.number(), " has the hash ", row.hash(), ", not the expected ",
                        expected_->hash, ": it, or a row before it, was replaced");
  }
  hashes_[row.number()] = row.hash();
  return std::nullopt;
}

std::optional<std::string> AuditWalk::Take(const v1::ListAuditResponse& page) {
  hashes_.clear();
  if (check_.last_number() > 0) hashes_[check_.last_number()] = Hex(check_.last_hash());
  for (const v1::AuditRow& row : page.rows()) {
    if (std::optional<std::string> wrong = TakeRow(row)) return wrong;
  }
  head_ = {page.last_number(), page.last_hash()};
  return std::nullopt;
}

std::optional<std::string> AuditWalk::End() const {
  if (head_.number > check_.last_number()) {
    return absl::StrCat("rows ", check_.last_number() + 1, " to ", head_.number,
                        " are missing from the end: the log has row ", head_.number,
                        " written down as its last");
  }
  if (expected_.has_value() && expected_->number > check_.last_number()) {
    return absl::StrCat("row ", expected_->number, " was expected, but the last one is ",
                        check_.last_number());
  }
  if (head_.number == 0 && check_.last_number() == 0) return std::nullopt;
  const auto found = hashes_.find(head_.number);
  if (found == hashes_.end() || found->second != head_.hash) {
    return absl::StrCat("the log has row ", head_.number,
                        " written down as its last, with another hash than that row has");
  }
  return std::nullopt;
}

AuditMark AuditWalk::mark() const { return {check_.last_number(), Hex(check_.last_hash())}; }

}  // namespace quotaplane::quotactl
