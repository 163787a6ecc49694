#include "services/ledger/erase_beside.h"

#include "libs/alert_sources/usage_watch.h"
#include "libs/alerts/erasure.h"
#include "libs/base/status_macros.h"
#include "libs/control/curb_rows.h"

namespace quotaplane {

absl::StatusOr<int64_t> EraseBesideLedger(sql::Transaction& transaction, const Person& person) {
  QP_RETURN_IF_ERROR(ForgetDetectors(transaction, person.org));
  // Before the alerts: a change takes their lock while it holds curbs.
  QP_ASSIGN_OR_RETURN(const int64_t curbs,
                      EraseFromCurbs(transaction, person.org, person.user, person.pseudonym));
  QP_ASSIGN_OR_RETURN(const int64_t alerts,
                      EraseFromAlerts(transaction, {person.org, person.user, person.pseudonym}));
  return curbs + alerts;
}

}  // namespace quotaplane
