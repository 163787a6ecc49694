#include "services/admin/admin_calls.h"

#include <string>
#include <utility>

#include "absl/time/clock.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "services/admin/access_calls.h"
#include "services/admin/admin_call.h"
#include "services/admin/log_calls.h"
#include "services/admin/policy_calls.h"
#include "services/admin/requests.h"
#include "services/admin/state_calls.h"
#include "services/admin/state_convert.h"

namespace quotaplane {
namespace {

// Of a request that carries a document, with some room for what is around it.
constexpr size_t kMaxDocumentRequestBytes = kMaxDocumentBytes + (1 << 20);
constexpr absl::Duration kBoardTimeout = absl::Seconds(2);

absl::Status ReadPropagation(ItemBoard* board, AdminCall& call,
                             v1::GetPropagationResponse* response) {
  const absl::Time deadline = absl::Now() + kBoardTimeout;
  const absl::StatusOr<BoardHead> head = board->Head(deadline);
  const auto reports = board->Reports(deadline);
  if (!head.ok() || !reports.ok()) {
    return ReasonedError(absl::StatusCode::kUnavailable, "STORE_UNAVAILABLE",
                         "the counter store is away");
  }
  response->set_position(head->last);
  for (const ReplicaReport& report : *reports) {
    v1::ReplicaStatus* const replica = response->add_replicas();
    ToProto(report, replica);
    if (report.epoch != head->epoch) replica->set_position(0);
  }
  QP_ASSIGN_OR_RETURN(const int64_t unpublished,
                      call.parts.items->CountAfter({head->published + 1, ""}));
  response->set_unpublished(unpublished);
  return absl::OkStatus();
}

}  // namespace

AdminCalls::AdminCalls(Role role, const AdminCallsOptions& options)
    : board_(role.board),
      service_({std::move(role.parts), std::move(role.store_now_us)},
               {.name = "quotaplane.v1.AdminService",
                .threads = options.threads,
                .queue = options.queue,
                .watchers = options.watchers,
                .request_bytes = options.request_bytes}),
      backtest_pool_(options.backtest_threads, options.backtest_queue) {}

StreamService AdminCalls::service() {
  return {service_.name(), [this](StreamCalls* calls, grpc::ServerCompletionQueue* events) {
            AddTo(calls, events);
          }};
}

void AdminCalls::AddTo(StreamCalls* calls, grpc::ServerCompletionQueue* events) {
  const auto check = [](const auto& request) { return Check(request); };
  AuditedService<AdminParts>::Methods<decltype(check)> methods(&service_, calls, events, check);
  methods.Answer("CreateDraft", &CreateDraft, kMaxDocumentRequestBytes);
  methods.Answer("UpdateDraft", &UpdateDraft, kMaxDocumentRequestBytes);
  methods.Answer("DiscardDraft", &DiscardDraft);
  methods.Answer("GetPolicy", &GetPolicy);
  methods.Answer("ListPolicyVersions", &ListPolicyVersions);
  methods.Answer("DiffPolicy", &DiffPolicy);
  methods.Answer("PlanPolicy", &PlanOfPolicy);
  methods.Stream("BacktestPolicy", &BacktestPolicy, &backtest_pool_);
  methods.Answer("ApprovePolicy", &ApprovePolicy);
  methods.Answer("ActivatePolicy", &ActivatePolicy);
  methods.Answer("RollbackPolicy", &RollbackPolicy);
  methods.Answer("SetLimit", &SetLimit);
  methods.Answer("GetLimit", &GetLimit);
  methods.Answer("ListEffectiveLimits", &ListEffectiveLimits);
  methods.Answer("RequestException", &RequestException);
  methods.Answer("ApproveException", &ApproveException);
  methods.Answer("DenyException", &DenyException);
  methods.Answer("RevokeException", &RevokeException);
  methods.Answer("GetException", &GetException);
  methods.Answer("ListExceptions", &ListExceptions);
  methods.Answer("CreateKey", &CreateKey);
  methods.Answer("GetKey", &GetKey);
  methods.Answer("ListKeys", &ListKeys);
  methods.Answer("UpdateKey", &UpdateKey);
  methods.Answer("RotateKey", &RotateKey);
  methods.Answer("RevokeKey", &RevokeKey);
  methods.Answer("CreatePriceBook", &CreatePriceBook, kMaxDocumentRequestBytes);
  methods.Answer("GetPriceBook", &GetPriceBook);
  methods.Answer("ListPriceBooks", &ListPriceBooks);
  methods.Answer("ActivatePriceBook", &ActivatePriceBook);
  methods.Answer("ExportState", &ExportState);
  methods.Answer("ApplyState", &ApplyState, kMaxDocumentRequestBytes);
  methods.Answer("ListAudit", &ListAudit);
  methods.Watch("WatchAudit", &WatchAudit);
  methods.Answer("SetLogLevel", &SetLogLevel);
  methods.Answer("GetLogLevel", &GetLogLevel);
  methods.Answer<v1::GetPropagationRequest, v1::GetPropagationResponse>(
      "GetPropagation", [board = board_](AdminCall& call, const v1::GetPropagationRequest&,
                                         v1::GetPropagationResponse* response) {
        return ReadPropagation(board, call, response);
      });
}

}  // namespace quotaplane
