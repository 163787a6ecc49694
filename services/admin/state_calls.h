// Price books, the whole state and the audit log: what each method does with a request that has
// passed its check.
#pragma once

#include <quotaplane/v1/admin.pb.h>

#include "absl/status/status.h"
#include "services/admin/admin_call.h"
#include "services/rpc/pooled_calls.h"

namespace quotaplane {

absl::Status CreatePriceBook(AdminCall& call, const v1::CreatePriceBookRequest& request,
                             v1::PriceBookVersion* response);
absl::Status GetPriceBook(AdminCall& call, const v1::GetPriceBookRequest& request,
                          v1::PriceBookVersion* response);
absl::Status ListPriceBooks(AdminCall& call, const v1::ListPriceBooksRequest& request,
                            v1::ListPriceBooksResponse* response);
absl::Status ActivatePriceBook(AdminCall& call, const v1::ActivatePriceBookRequest& request,
                               v1::PriceBookVersion* response);

absl::Status ExportState(AdminCall& call, const v1::ExportStateRequest& request,
                         v1::ExportStateResponse* response);
absl::Status ApplyState(AdminCall& call, const v1::ApplyStateRequest& request,
                        v1::ApplyStateResponse* response);

absl::Status ListAudit(AdminCall& call, const v1::ListAuditRequest& request,
                       v1::ListAuditResponse* response);
// Until `send` says that nobody wants more, or 10 minutes after call.now_us: UNAVAILABLE, reason
// WATCH_ENDED.
absl::Status WatchAudit(AdminCall& call, const v1::WatchAuditRequest& request,
                        const SendChunk& send);

}  // namespace quotaplane
