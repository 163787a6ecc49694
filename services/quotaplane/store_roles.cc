#include "services/quotaplane/store_roles.h"

#include <iterator>
#include <map>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "services/quotaplane/process_conditions.h"

namespace quotaplane {

std::string StoreRoles::Conditions(const Access& access) const {
  std::map<std::string, std::string> failures = config->failures();
  for (auto& failure : access.failures()) failures.insert(std::move(failure));
  std::vector<OperationsCondition> all = FileConditions(failures);
  const auto add = [&all](std::vector<OperationsCondition> more) {
    all.insert(all.end(), std::make_move_iterator(more.begin()),
               std::make_move_iterator(more.end()));
  };
  if (quota != nullptr) add(SpoolConditions(quota->spool()));
  if (ledger != nullptr) add(BookConditions(ledger->books()));
  if (const TlsSource* const tls = access.tls(); tls != nullptr) {
    const TlsExpiry expiry = tls->expiry();
    const int64_t now_s = absl::ToUnixSeconds(absl::Now());
    add(CertificateConditions("server", expiry.certificate_s, now_s));
    if (expiry.client_ca_s != 0) {
      add(CertificateConditions("client_ca", expiry.client_ca_s, now_s));
    }
  }
  return EncodeConditions(all, kMaxReportedConditions);
}

}  // namespace quotaplane
