// What all methods of a service have in common whose writes stand in the audit log: from a
// request's bytes to its message, its check, the method itself, and back; and whatever is refused
// on the way, by a gate, a check or what the parts say, gets its row in the audit log.
//
// `Parts` are what a role is made of once its database is open; they have `changes`, a pointer to
// Changes.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/time/clock.h"
#include "libs/base/status_macros.h"
#include "libs/log/log.h"
#include "services/audited/audited_call.h"
#include "services/audited/audited_errors.h"
#include "services/audited/room_budget.h"
#include "services/rpc/parse_request.h"
#include "services/rpc/pooled_calls.h"
#include "services/rpc/work_pool.h"

namespace quotaplane {

template <typename Request>
constexpr bool IsWrite() {
  return requires(const Request& request) { request.request_id(); };
}

template <typename Parts>
class AuditedWork {
 public:
  using Call = AuditedCall<Parts>;

  // What it asks of the role; thread-safe, and outlives it.
  struct Role {
    std::function<Parts*()> parts;          // null: the database is away since the start
    std::function<int64_t()> store_now_us;  // the counter store's clock
  };
  // `request_bytes`: of the requests that wait or are worked on; `watchers`: streams at a time of
  // those methods that say so.
  AuditedWork(Role role, size_t request_bytes, size_t watchers)
      : role_(std::move(role)), request_bytes_(request_bytes), watchers_(watchers) {}

  template <typename Request, typename Response>
  using Run = std::function<absl::Status(Call& call, const Request& request, Response* response)>;
  template <typename Request>
  using RunStream =
      std::function<absl::Status(Call& call, const Request& request, const SendChunk& send)>;
  // What can be said of a request by itself.
  template <typename Request>
  using CheckOf = absl::Status (*)(const Request& request);

  // A call with one answer. `most`: bytes of its request.
  template <typename Request, typename Response>
  PrepareAnswer Answer(const CalledMethod* method, CheckOf<Request> check,
                       Run<Request, Response> run, size_t most = kMaxRequestBytes) {
    return [=, this](grpc::ByteBuffer* bytes, const Caller& caller) -> absl::StatusOr<AnswerWork> {
      const std::shared_ptr<void> room = request_bytes_.Take(std::min(bytes->Length(), most));
      if (room == nullptr) return NoRoom();
      return AnswerWork([=, this, held = Take(bytes)]() -> Answered {
        [[maybe_unused]] const auto& until_the_end = room;
        auto response = std::make_unique<Response>();
        const absl::Status status = Do<Request>(
            method, held.get(), most, caller, check,
            [&](Call& call, const Request& request) { return run(call, request, response.get()); });
        if (!status.ok()) return status;
        return Answered(std::move(response));
      });
    };
  }
  // A stream; `watches`: one of the few watchers.
  template <typename Request>
  PrepareStream Stream(const CalledMethod* method, CheckOf<Request> check, RunStream<Request> run,
                       bool watches) {
    return [=, this](grpc::ByteBuffer* bytes, const Caller& caller) -> absl::StatusOr<StreamWork> {
      const std::shared_ptr<void> room = watches ? watchers_.Take(1) : nullptr;
      if (watches && room == nullptr) return TooManyWatchers();
      return StreamWork([=, this, held = Take(bytes)](const SendChunk& send) {
        [[maybe_unused]] const auto& until_the_end = room;
        return Do<Request>(
            method, held.get(), kMaxRequestBytes, caller, check,
            [&](Call& call, const Request& request) { return run(call, request, send); });
      });
    };
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
      Parts* const parts = role_.parts();
      if (parts == nullptr || !parts->changes->AdmitRefusal(change, status)) return;
      const bool added =
          pool->Add([parts, change, status] { parts->changes->WriteRefusal(change, "", status); });
      if (!added) {
        parts->changes->DropRefusal(change);
        LogError("{} by {} was refused, and is not in the audit log: too many", action,
                 change.actor);
      }
    };
  }

 private:
  using Answered = absl::StatusOr<std::unique_ptr<google::protobuf::Message>>;

  static int64_t LocalNowUs() { return absl::ToUnixMicros(absl::Now()); }

  static std::shared_ptr<grpc::ByteBuffer> Take(grpc::ByteBuffer* bytes) {
    auto held = std::make_shared<grpc::ByteBuffer>();
    held->Swap(bytes);
    return held;
  }

  // Parses, checks, runs; audits what nobody else has. `method` is ours, since the server's own may
  // be gone while the work goes on.
  template <typename Request, typename Inner>
  absl::Status Do(const CalledMethod* method, grpc::ByteBuffer* bytes, size_t most, Caller caller,
                  CheckOf<Request> check, Inner run) {
    caller.method = method;
    const std::string action = method->path.substr(method->path.rfind('/') + 1);
    Parts* const parts = role_.parts();
    if (parts == nullptr) return DatabaseAway();
    Call call = {*parts, caller, action, LocalNowUs(), role_.store_now_us()};
    Request request;
    absl::Status status =
        ParseRequest(Request::descriptor()->name().c_str(), bytes, caller, &request, most);
    if (absl::IsPermissionDenied(status)) return status;  // audited by the gate
    const bool parsed = status.ok();
    if (parsed) status = check(request);
    if (status.ok()) status = run(call, request);
    if (!call.audited && (!parsed || IsWrite<Request>() || IsRefusedRead(status))) {
      parts->changes->AuditRefusal(ChangeOf(call, request), TargetOf(request), status);
    }
    return ForCaller(action, status);
  }

  const Role role_;
  RoomBudget request_bytes_;
  RoomBudget watchers_;
};

}  // namespace quotaplane
