// What is wrong with this process, as it reports it to the others: quick, from what it has at hand.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "libs/alert_sources/condition.h"
#include "libs/ledger/book_watch.h"
#include "libs/spool/spool.h"

namespace quotaplane {

// Files whose present version was not put in force, and why.
std::vector<OperationsCondition> FileConditions(const std::map<std::string, std::string>& failures);
// Charges wait on the disk for the counter store: requests are answered by `on_outage`.
std::vector<OperationsCondition> SpoolConditions(const SpoolStats& spool);
// The books do not balance.
std::vector<OperationsCondition> BookConditions(const BookState& books);
// A certificate that ends within 14 days (critical: 3), or has ended. `use`: "server", "client_ca".
std::vector<OperationsCondition> CertificateConditions(const std::string& use, int64_t expires_s,
                                                       int64_t now_s);

}  // namespace quotaplane
