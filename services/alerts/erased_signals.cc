#include "services/alerts/erased_signals.h"

#include <string>
#include <utility>

#include "libs/alerts/erasure.h"
#include "libs/base/status_macros.h"
#include "libs/ledger/identities.h"

namespace quotaplane {

absl::Status EraseSignals(sql::Transaction& transaction, std::vector<Signal>* signals) {
  QP_RETURN_IF_ERROR(LockIdentities(transaction));
  std::vector<std::pair<std::string, std::string>> users;
  for (const Signal& signal : *signals) {
    for (std::string& name : NamesIn(signal)) users.emplace_back(signal.org, std::move(name));
  }
  if (users.empty()) return absl::OkStatus();
  QP_ASSIGN_OR_RETURN(const ErasedUsers erased, FindErased(transaction, users));
  if (erased.empty()) return absl::OkStatus();
  for (Signal& signal : *signals) {
    for (const std::string& name : NamesIn(signal)) {
      const auto found = erased.find({signal.org, name});
      if (found == erased.end() || signal.at_us > found->second.erased_at_us) continue;
      EraseFromSignal({signal.org, name, found->second.pseudonym}, &signal);
    }
  }
  return absl::OkStatus();
}

}  // namespace quotaplane
