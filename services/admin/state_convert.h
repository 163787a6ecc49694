// Price books, the whole state, the audit log and propagation of admin.proto <-> libs/control.
// Requests have passed their checks (requests.h).
#pragma once

#include <quotaplane/v1/admin.pb.h>

#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/config/state_document.h"
#include "libs/control/audit_log.h"
#include "libs/control/items.h"
#include "libs/control/price_books.h"
#include "libs/control/state.h"

namespace quotaplane {

std::optional<int64_t> ActiveFromOf(const v1::ActivatePriceBookRequest& request);
void ToProto(const StoredPriceBook& book, v1::PriceBookVersion* proto);

// INVALID_ARGUMENT, on the field `yaml`, with every problem of the document.
absl::StatusOr<StateDocument> DocumentOf(const v1::ApplyStateRequest& request);
void ToProto(const StatePlan& plan, v1::ApplyStateResponse* response);

AuditQuery QueryOf(const v1::ListAuditRequest& request);
void ToProto(const AuditRow& row, v1::AuditRow* proto);

void ToProto(const ReplicaReport& report, v1::ReplicaStatus* proto);

}  // namespace quotaplane
