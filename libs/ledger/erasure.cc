#include "libs/ledger/erasure.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/ledger/adjuster.h"
#include "libs/ledger/audit.h"
#include "libs/ledger/erasure_sql.h"
#include "libs/ledger/identities.h"
#include "libs/ledger/request_check.h"

namespace quotaplane {
namespace {

constexpr size_t kMaxNameBytes = 128;

// "erased-" and 16 hexadecimal digits: whoever is called so is nobody any more.
bool IsPseudonym(const std::string& user) {
  return user.size() == 23 && absl::StartsWith(user, "erased-") &&
         user.find_first_not_of("0123456789abcdef", 7) == std::string::npos;
}

absl::Status Check(const ErasureRequest& request) {
  std::vector<FieldViolation> wrong;
  CheckText("org", request.org, kMaxNameBytes, &wrong);
  CheckText("user", request.user, kMaxNameBytes, &wrong);
  CheckText("actor", request.actor, kMaxActorBytes, &wrong);
  if (IsPseudonym(request.user)) wrong.push_back({"user", "is the pseudonym of an erased person"});
  return wrong.empty() ? absl::OkStatus() : FieldError(wrong);
}

// Whether what was put aside has the name, as far as anybody can read it.
bool MayName(const ChargeCodec& codec, const std::string& record, const ErasureRequest& request) {
  const auto is_of = [&](const Subject& subject) {
    return subject.org == request.org && subject.user == request.user;
  };
  const absl::StatusOr<ChargeRecord> charge = codec.Decode(record);
  if (charge.ok()) return is_of(charge->subject);
  const absl::StatusOr<RefusalBatch> refusals = codec.DecodeRefusals(record);
  if (!refusals.ok()) return true;
  return std::any_of(refusals->lines.begin(), refusals->lines.end(),
                     [&](const RefusalLine& line) { return is_of(line.subject); });
}

struct Erased {
  std::string pseudonym;
  bool again = false;
  Renamed rows;
  int64_t beside = 0;  // rows that AlsoErase changed

  bool anything() const { return rows.anything() || beside > 0; }
};

absl::StatusOr<Erased> EraseRows(sql::Database& database, const ErasureRequest& request,
                                 const AlsoErase& also, int64_t now_us) {
  QP_ASSIGN_OR_RETURN(const std::unique_ptr<sql::Transaction> transaction, database.Begin());
  Erased erased;
  QP_ASSIGN_OR_RETURN(const ErasedUsers before,
                      FindErased(*transaction, {{request.org, request.user}}));
  erased.again = !before.empty();
  QP_ASSIGN_OR_RETURN(erased.pseudonym,
                      RegisterErasure(*transaction, request.org, request.user, now_us));
  const Person person = {request.org, request.user, erased.pseudonym};
  QP_ASSIGN_OR_RETURN(erased.rows, RenameRows(*transaction, person));
  if (also) {
    QP_ASSIGN_OR_RETURN(erased.beside, also(*transaction, person));
  }
  if (!erased.again || erased.anything()) {
    QP_RETURN_IF_ERROR(
        WriteAudit(*transaction, {now_us, request.actor, "erase_user", request.org,
                                  AuditDetail({{"pseudonym", erased.pseudonym},
                                               {"entries", absl::StrCat(erased.rows.entries)},
                                               {"refusals", absl::StrCat(erased.rows.refusals)},
                                               {"alerts", absl::StrCat(erased.beside)}})}));
  }
  QP_RETURN_IF_ERROR(transaction->Commit());
  return erased;
}

}  // namespace

absl::StatusOr<ErasureOutcome> Erasure::Erase(const ErasureRequest& request, const Policy& policy,
                                              int64_t now_us, absl::Duration patience) {
  QP_RETURN_IF_ERROR(Check(request));
  QP_ASSIGN_OR_RETURN(const Erased erased, EraseRows(*database_, request, also_, now_us));
  ErasureOutcome outcome;
  outcome.pseudonym = erased.pseudonym;
  outcome.entries = erased.rows.entries;
  QP_ASSIGN_OR_RETURN(outcome.counters, books_->Rename(request.org, request.user, erased.pseudonym,
                                                       policy, patience));
  outcome.replayed = erased.again && !erased.anything() && outcome.counters == 0;
  QP_RETURN_IF_ERROR(outbox_->ForEachQuarantined(request.org, [&](std::string_view record) {
    if (MayName(*codec_, std::string(record), request)) ++outcome.quarantined;
  }));
  return outcome;
}

}  // namespace quotaplane
