#include "libs/control/curbs_store.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "libs/base/absl_view.h"
#include "libs/base/error.h"
#include "libs/base/random.h"
#include "libs/base/status_macros.h"
#include "libs/control/curb_rows.h"
#include "libs/control/store_rules.h"
#include "libs/policy/alert_rule.h"

namespace quotaplane {
namespace {

constexpr int64_t kMaxDroppedOrgs = 100;

std::string Target(int64_t alert) { return absl::StrCat("alert/", AlertName(alert)); }

void CheckScope(const Curb& curb, std::vector<FieldViolation>* wrong) {
  if (curb.scope.size() > kMaxPerDimensions) {
    wrong->push_back({"scope", absl::StrCat("must have at most ", kMaxPerDimensions,
                                            " dimensions, not ", curb.scope.size())});
    return;
  }
  std::vector<Dimension> seen;
  for (const auto& [dimension, value] : curb.scope) {
    const std::string name = dimension.ToString();
    const std::string field = absl::StrCat("scope[", name, "]");
    if (dimension.kind == DimensionKind::kOrg) {
      wrong->push_back({field, "is said by the change already"});
    } else if (!ParseDimension(name).ok()) {
      wrong->push_back({field, "is no dimension"});
    } else if (std::find(seen.begin(), seen.end(), dimension) != seen.end()) {
      wrong->push_back({field, "is there twice"});
    }
    seen.push_back(dimension);
    RequireValue(field, value, wrong);
  }
}

void CheckTimes(const Curb& curb, int64_t now_us, std::vector<FieldViolation>* wrong) {
  if (curb.until_us <= now_us) {
    wrong->push_back({"until", absl::StrCat("must be after now, ", FormatUtc(now_us))});
  } else if (curb.until_us - now_us > kMaxAlertActionUs) {
    wrong->push_back({"until", "must be at most 31 days ahead"});
  } else if (curb.from_us < 0 || curb.from_us >= curb.until_us) {
    wrong->push_back({"from", "must not be before 1970, and be before the end"});
  }
}

absl::Status Check(const Curb& curb, const ChangeRequest& request) {
  std::vector<FieldViolation> wrong;
  RequireValue("org", request.org, &wrong);
  if (curb.alert < 1) wrong.push_back({"alert", "must be at least 1"});
  if (curb.freeze && (curb.share_permille != 0 || !curb.limit_id.empty())) {
    wrong.push_back({"freeze", "has neither a share nor a limit"});
  }
  if (!curb.freeze && (curb.share_permille < 1 || curb.share_permille > 999)) {
    wrong.push_back(
        {"share_permille", absl::StrCat("must be from 1 to 999, not ", curb.share_permille)});
  }
  CheckOptionalValue("limit_id", curb.limit_id, &wrong);
  CheckScope(curb, &wrong);
  CheckTimes(curb, request.now_us, &wrong);
  return wrong.empty() ? absl::OkStatus() : FieldError(wrong);
}

}  // namespace

std::string AlertActor(int64_t alert) { return absl::StrCat("alert:", AlertName(alert)); }

absl::StatusOr<Changed<Curb>> CurbStore::Put(const OpenChange& change, const Curb& curb) const {
  const ChangeRequest& request = change.request;
  QP_RETURN_IF_ERROR(Check(curb, request));
  QP_ASSIGN_OR_RETURN(const std::optional<Curb> before,
                      ReadCurb(change.transaction, request.org, curb.alert, request.now_us));
  QP_RETURN_IF_ERROR(WriteCurb(change.transaction, request.org, curb, change.number));
  QP_ASSIGN_OR_RETURN(ChangeRecord::ItemWrite item,
                      MakeCurbsItem(change.transaction, *codec_, request.org, request.now_us));
  Changed<Curb> changed;
  changed.now = curb;
  changed.record.target = Target(curb.alert);
  if (before.has_value()) changed.record.before = CurbJson(*before);
  changed.record.after = CurbJson(curb);
  changed.record.items.push_back(std::move(item));
  return changed;
}

absl::StatusOr<Changed<Curb>> CurbStore::End(const OpenChange& change, int64_t alert) const {
  const ChangeRequest& request = change.request;
  QP_ASSIGN_OR_RETURN(const std::optional<Curb> ended,
                      ReadCurb(change.transaction, request.org, alert, request.now_us));
  if (!ended.has_value()) {
    return absl::NotFoundError(
        absl::StrCat("alert ", AlertName(alert), " has frozen or throttled nothing, or no more"));
  }
  QP_RETURN_IF_ERROR(DeleteCurb(change.transaction, request.org, alert));
  QP_ASSIGN_OR_RETURN(ChangeRecord::ItemWrite item,
                      MakeCurbsItem(change.transaction, *codec_, request.org, request.now_us));
  Changed<Curb> changed;
  changed.now = *ended;
  changed.now.until_us = request.now_us;
  changed.record.target = Target(alert);
  changed.record.before = CurbJson(*ended);
  changed.record.after = CurbJson(changed.now);
  changed.record.items.push_back(std::move(item));
  return changed;
}

absl::StatusOr<std::vector<Curb>> CurbStore::List(sql::Session& session, const std::string& org,
                                                  int64_t now_us) const {
  return ReadCurbs(session, org, now_us);
}

absl::StatusOr<int> CurbStore::DropEnded(sql::Database& database, Changes& changes,
                                         int64_t now_us) const {
  QP_ASSIGN_OR_RETURN(
      const sql::Rows rows,
      database.Query(
          {"ended curbs", "SELECT DISTINCT org FROM curbs WHERE until_us <= $1 LIMIT $2"},
          {now_us, kMaxDroppedOrgs}));
  for (size_t i = 0; i < rows.size(); ++i) {
    ChangeRequest request;
    request.org = std::string(rows[i][0].text());
    request.actor = std::string(kUpkeepActor);
    request.action = "DropEndedCurbs";
    request.request_id = absl::BytesToHexString(AbslView(RandomDigest().view()));
    request.now_us = now_us;
    const absl::StatusOr<ChangeOutcome> made = changes.Make(
        request, "curbs",
        [&](sql::Transaction& transaction, int64_t) -> absl::StatusOr<ChangeRecord> {
          QP_ASSIGN_OR_RETURN(ChangeRecord::ItemWrite item,
                              MakeCurbsItem(transaction, *codec_, request.org, now_us));
          ChangeRecord record;
          record.target = "curbs";
          record.items.push_back(std::move(item));
          return record;
        });
    if (!made.ok()) return made.status();
  }
  return static_cast<int>(rows.size());
}

}  // namespace quotaplane
