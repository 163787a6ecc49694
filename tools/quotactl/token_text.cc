#include "tools/quotactl/token_text.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "libs/auth/role.h"
#include "libs/auth/token.h"
#include "libs/base/absl_view.h"
#include "libs/base/quote.h"
#include "libs/base/status_macros.h"
#include "libs/policy/subject.h"

namespace quotaplane::quotactl {
namespace {

constexpr int kMaxDays = 3660;

// As YAML reads it back, whatever is in it: a JSON string is one of YAML, too.
std::string Quote(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "\"";
}

absl::Status CheckText(const char* flag, const std::string& text) {
  const absl::Status status = CheckValue(text);
  if (status.ok()) return status;
  return absl::InvalidArgumentError(absl::StrCat(flag, " ", status.message()));
}

absl::StatusOr<std::string> ExpiryOf(const std::string& text, absl::Time now) {
  absl::CivilDay day;
  absl::Time time;
  int days = 0;
  if (text.size() == 10 && absl::ParseCivilTime(text, &day)) {
    time = absl::FromCivil(day, absl::UTCTimeZone());
  } else if (text.ends_with('d') && absl::SimpleAtoi(text.substr(0, text.size() - 1), &days) &&
             days > 0 && days <= kMaxDays) {
    time = now + absl::Hours(24) * days;
  } else if (!absl::ParseTime(absl::RFC3339_full, text, &time, nullptr)) {
    return absl::InvalidArgumentError(
        absl::StrCat("--expires must be a day such as 2027-01-01, a time such as "
                     "2027-01-01T12:00:00Z, or a number of days such as 90d, not ",
                     QuoteForMessage(text)));
  }
  if (time <= now) return absl::InvalidArgumentError("--expires is past");
  return absl::FormatTime(absl::RFC3339_sec, time, absl::UTCTimeZone());
}

}  // namespace

absl::StatusOr<NewTokenText> MakeToken(const TokenArgs& args, absl::Time now) {
  QP_RETURN_IF_ERROR(CheckText("--name", args.name));
  QP_ASSIGN_OR_RETURN(const std::string expires, ExpiryOf(args.expires, now));
  std::string roles;
  for (const std::string& org : args.orgs) {
    QP_RETURN_IF_ERROR(CheckText("--org", org));
    for (const std::string& role : args.roles) {
      if (!ParseRole(role).has_value()) {
        return absl::InvalidArgumentError(absl::StrCat(
            "--role must be gateway, viewer, finance, admin, approver or auditor, not ",
            QuoteForMessage(role)));
      }
      absl::StrAppend(&roles, roles.empty() ? "" : ", ", "{role: ", role, ", org: ", Quote(org),
                      "}");
    }
  }
  NewTokenText made;
  made.token = NewToken();
  made.yaml = absl::StrCat("  - name: ", Quote(args.name), "\n    hash: \"",
                           FormatTokenHash(Hash256Of(made.token)), "\"\n    expires: ", expires,
                           "\n    roles: [", roles, "]\n");
  return made;
}

}  // namespace quotaplane::quotactl
