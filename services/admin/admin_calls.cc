#include "services/admin/admin_calls.h"

#include <spdlog/spdlog.h>

#include <atomic>
#include <memory>
#include <string>
#include <utility>

#include "absl/time/clock.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "services/admin/access_calls.h"
#include "services/admin/admin_call.h"
#include "services/admin/policy_calls.h"
#include "services/admin/requests.h"
#include "services/admin/state_calls.h"
#include "services/admin/state_convert.h"
#include "services/rpc/parse_request.h"

namespace quotaplane {
namespace {

constexpr char kServiceName[] = "quotaplane.v1.AdminService";
// Of a request that carries a document, with some room for what is around it.
constexpr size_t kMaxDocumentRequestBytes = kMaxDocumentBytes + (1 << 20);
// Refusals of the gates that wait to be written down.
constexpr size_t kAuditQueue = 1'000;
constexpr absl::Duration kBoardTimeout = absl::Seconds(2);

int64_t LocalNowUs() { return absl::ToUnixMicros(absl::Now()); }

absl::Status LedgerAway() {
  return ReasonedError(absl::StatusCode::kUnavailable, "LEDGER_UNAVAILABLE",
                       "the database is away");
}

// What a caller should know of an error.
absl::Status ForCaller(const std::string& action, const absl::Status& status) {
  if (status.ok() || absl::IsCancelled(status) || ReasonOf(status).has_value() ||
      !FieldViolationsOf(status).empty() || absl::IsNotFound(status)) {
    return status;
  }
  spdlog::error("{}: {}", action, status.ToString());
  switch (status.code()) {
    case absl::StatusCode::kResourceExhausted:
      return ReasonedError(status.code(), "OVERLOADED", "the database is overloaded");
    case absl::StatusCode::kDeadlineExceeded:
      return ReasonedError(status.code(), "LEDGER_TOO_SLOW", "the database took too long");
    case absl::StatusCode::kUnavailable:
      return LedgerAway();
    case absl::StatusCode::kAborted:
      return ReasonedError(status.code(), "ADMIN_CONFLICT", "two calls met; try again");
    default:
      return absl::InternalError("the call failed; the server's log says more");
  }
}

// Of reads, what the audit log is told.
bool IsRefusedRead(const absl::Status& status) {
  return absl::IsInvalidArgument(status) || absl::IsPermissionDenied(status);
}

template <typename Request>
constexpr bool IsWrite() {
  return requires(const Request& request) { request.request_id(); };
}

// So much at a time, and no more.
class Budget {
 public:
  explicit Budget(size_t most) : most_(most) {}

  // Null: there is no room.
  std::shared_ptr<void> Take(size_t bytes) {
    if (taken_.fetch_add(bytes) + bytes > most_) {
      taken_ -= bytes;
      return nullptr;
    }
    return {&taken_, [bytes](std::atomic<size_t>* taken) { *taken -= bytes; }};
  }

 private:
  const size_t most_;
  std::atomic<size_t> taken_ = 0;
};

absl::Status NoRoom() {
  return ReasonedError(absl::StatusCode::kResourceExhausted, "OVERLOADED",
                       "too much is waiting; retry with backoff");
}

absl::Status TooManyWatchers() {
  return ReasonedError(absl::StatusCode::kResourceExhausted, "TOO_MANY",
                       "as many watch the audit log already as this server has room for");
}

using Answered = absl::StatusOr<std::unique_ptr<google::protobuf::Message>>;

}  // namespace

// What the methods have in common.
class AdminCalls::Work {
 public:
  Work(Role role, const AdminCallsOptions& options)
      : role_(std::move(role)),
        request_bytes_(options.request_bytes),
        watchers_(static_cast<size_t>(options.watchers)) {}

  template <typename Request, typename Response>
  using Run = absl::Status (*)(AdminCall& call, const Request& request, Response* response);
  template <typename Request>
  using RunStream = absl::Status (*)(AdminCall& call, const Request& request,
                                     const SendChunk& send);

  // A call with one answer. `most`: bytes of its request.
  template <typename Request, typename Response>
  PrepareAnswer Answer(const CalledMethod* method, Run<Request, Response> run, size_t most) {
    return AnswerWith<Request, Response>(method, most, run);
  }
  template <typename Request>
  PrepareStream Stream(const CalledMethod* method, RunStream<Request> run) {
    return [=, this](grpc::ByteBuffer* bytes, const Caller& caller) -> absl::StatusOr<StreamWork> {
      std::shared_ptr<void> room;
      if constexpr (std::is_same_v<Request, v1::WatchAuditRequest>) {
        room = watchers_.Take(1);
        if (room == nullptr) return TooManyWatchers();
      }
      return StreamWork([=, this, held = Take(bytes)](const SendChunk& send) {
        [[maybe_unused]] const auto& until_the_end = room;
        return Do<Request>(
            method, held.get(), kMaxRequestBytes, caller,
            [&](AdminCall& call, const Request& request) { return run(call, request, send); });
      });
    };
  }
  PrepareAnswer Propagation(const CalledMethod* method) {
    return AnswerWith<v1::GetPropagationRequest, v1::GetPropagationResponse>(
        method, kMaxRequestBytes,
        [this](AdminCall& call, const v1::GetPropagationRequest&,
               v1::GetPropagationResponse* response) { return ReadPropagation(call, response); });
  }

  // A gate refused a call: its row, written by another thread.
  OnRefusal Refused(const std::string& action, WorkPool* pool) {
    return [this, action, pool](const Caller& caller, std::string_view org,
                                const absl::Status& status) {
      ChangeRequest change;
      change.org = org;
      change.actor = caller.principal->name;
      change.address = caller.address;
      change.action = action;
      change.now_us = LocalNowUs();
      AdminParts* const parts = role_.parts();
      if (parts == nullptr || !parts->changes->AdmitRefusal(change, status)) return;
      const bool added =
          pool->Add([parts, change, status] { parts->changes->WriteRefusal(change, "", status); });
      if (!added) {
        parts->changes->DropRefusal(change);
        spdlog::error("{} by {} was refused, and is not in the audit log: too many", action,
                      change.actor);
      }
    };
  }

 private:
  static std::shared_ptr<grpc::ByteBuffer> Take(grpc::ByteBuffer* bytes) {
    auto held = std::make_shared<grpc::ByteBuffer>();
    held->Swap(bytes);
    return held;
  }

  template <typename Request, typename Response, typename Inner>
  PrepareAnswer AnswerWith(const CalledMethod* method, size_t most, Inner run) {
    return [=, this](grpc::ByteBuffer* bytes, const Caller& caller) -> absl::StatusOr<AnswerWork> {
      const std::shared_ptr<void> room = request_bytes_.Take(std::min(bytes->Length(), most));
      if (room == nullptr) return NoRoom();
      return AnswerWork([=, this, held = Take(bytes)]() -> Answered {
        [[maybe_unused]] const auto& until_the_end = room;
        auto response = std::make_unique<Response>();
        const absl::Status status = Do<Request>(method, held.get(), most, caller,
                                                [&](AdminCall& call, const Request& request) {
                                                  return run(call, request, response.get());
                                                });
        if (!status.ok()) return status;
        return Answered(std::move(response));
      });
    };
  }

  // Parses, checks, runs; audits what nobody else has. `method` is ours, since the server's own may
  // be gone while the work goes on.
  template <typename Request, typename Inner>
  absl::Status Do(const CalledMethod* method, grpc::ByteBuffer* bytes, size_t most, Caller caller,
                  Inner run) {
    caller.method = method;
    const std::string action = method->path.substr(method->path.rfind('/') + 1);
    AdminParts* const parts = role_.parts();
    if (parts == nullptr) return LedgerAway();
    AdminCall call = {*parts, caller, action, LocalNowUs(), role_.store_now_us()};
    Request request;
    absl::Status status =
        ParseRequest(Request::descriptor()->name().c_str(), bytes, caller, &request, most);
    if (absl::IsPermissionDenied(status)) return status;  // audited by the gate
    const bool parsed = status.ok();
    if (parsed) status = Check(request);
    if (status.ok()) status = run(call, request);
    if (!call.audited && (!parsed || IsWrite<Request>() || IsRefusedRead(status))) {
      parts->changes->AuditRefusal(ChangeOf(call, request), TargetOf(request), status);
    }
    return ForCaller(action, status);
  }

  absl::Status ReadPropagation(AdminCall& call, v1::GetPropagationResponse* response) const {
    const absl::Time deadline = absl::Now() + kBoardTimeout;
    const absl::StatusOr<BoardHead> head = role_.board->Head(deadline);
    const auto reports = role_.board->Reports(deadline);
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

  const Role role_;
  Budget request_bytes_;
  Budget watchers_;
};

AdminCalls::AdminCalls(Role role, const AdminCallsOptions& options)
    : work_(new Work(std::move(role), options), [](Work* work) { delete work; }),
      pool_(options.threads, options.queue),
      backtest_pool_(options.backtest_threads, options.backtest_queue),
      watch_pool_(options.watchers, static_cast<size_t>(options.watchers)),
      audit_pool_(1, kAuditQueue) {}

StreamService AdminCalls::service() {
  return {kServiceName, [this](StreamCalls* calls, grpc::ServerCompletionQueue* events) {
            AddTo(calls, events);
          }};
}

void AdminCalls::AddTo(StreamCalls* calls, grpc::ServerCompletionQueue* events) {
  const std::string prefix = std::string("/") + kServiceName + "/";
  // The same for every queue.
  const auto method_of = [&](const std::string& name) {
    std::unique_ptr<CalledMethod>& method = methods_[name];
    if (method == nullptr) {
      method = std::make_unique<CalledMethod>(prefix + name, work_->Refused(name, &audit_pool_));
    }
    return method.get();
  };
  const auto add = [&](const CalledMethod* method, const PrepareAnswer& prepare) {
    calls->Add(
        method->path,
        [this, prepare, events](StreamCall* call) {
          return HandleAnswer(prepare, &pool_, events, call);
        },
        method->on_refusal);
  };
  const auto answer = [&](const std::string& name, auto run, size_t most = kMaxRequestBytes) {
    const CalledMethod* const method = method_of(name);
    add(method, work_->Answer(method, run, most));
  };
  const auto stream = [&](const std::string& name, auto run, WorkPool* pool) {
    const CalledMethod* const method = method_of(name);
    calls->Add(
        method->path,
        [prepare = work_->Stream(method, run), events, pool](StreamCall* call) {
          return HandleStream(prepare, pool, events, call);
        },
        method->on_refusal);
  };
  answer("CreateDraft", &CreateDraft, kMaxDocumentRequestBytes);
  answer("UpdateDraft", &UpdateDraft, kMaxDocumentRequestBytes);
  answer("DiscardDraft", &DiscardDraft);
  answer("GetPolicy", &GetPolicy);
  answer("ListPolicyVersions", &ListPolicyVersions);
  answer("DiffPolicy", &DiffPolicy);
  answer("PlanPolicy", &PlanOfPolicy);
  stream("BacktestPolicy", &BacktestPolicy, &backtest_pool_);
  answer("ApprovePolicy", &ApprovePolicy);
  answer("ActivatePolicy", &ActivatePolicy);
  answer("RollbackPolicy", &RollbackPolicy);
  answer("SetLimit", &SetLimit);
  answer("GetLimit", &GetLimit);
  answer("ListEffectiveLimits", &ListEffectiveLimits);
  answer("RequestException", &RequestException);
  answer("ApproveException", &ApproveException);
  answer("DenyException", &DenyException);
  answer("RevokeException", &RevokeException);
  answer("GetException", &GetException);
  answer("ListExceptions", &ListExceptions);
  answer("CreateKey", &CreateKey);
  answer("GetKey", &GetKey);
  answer("ListKeys", &ListKeys);
  answer("UpdateKey", &UpdateKey);
  answer("RotateKey", &RotateKey);
  answer("RevokeKey", &RevokeKey);
  answer("CreatePriceBook", &CreatePriceBook, kMaxDocumentRequestBytes);
  answer("GetPriceBook", &GetPriceBook);
  answer("ListPriceBooks", &ListPriceBooks);
  answer("ActivatePriceBook", &ActivatePriceBook);
  answer("ExportState", &ExportState);
  answer("ApplyState", &ApplyState, kMaxDocumentRequestBytes);
  answer("ListAudit", &ListAudit);
  stream("WatchAudit", &WatchAudit, &watch_pool_);
  const CalledMethod* const propagation = method_of("GetPropagation");
  add(propagation, work_->Propagation(propagation));
}

}  // namespace quotaplane
