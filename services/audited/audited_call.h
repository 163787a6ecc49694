// One call under way of a service whose writes stand in the audit log, and what every method makes
// of it: who asks, a change, and the refusals beside it.
#pragma once

#include <functional>
#include <string>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "libs/base/hash.h"
#include "libs/base/status_macros.h"
#include "libs/control/changed.h"
#include "services/audited/request_parts.h"
#include "services/rpc/caller.h"

namespace quotaplane {

// `Parts` are the role's; they have `changes`, a pointer to Changes.
template <typename Parts>
struct AuditedCall {
  Parts& parts;
  const Caller& caller;
  std::string action;        // the method, "ActivatePolicy"
  int64_t now_us = 0;        // the server's clock
  int64_t store_now_us = 0;  // the counter store's, as this process knows it
  // Whoever is asked next audits what it refuses; until then the caller of the method does.
  bool audited = false;
};

// The parts of a request that the audit log and the memory of requests are about, by the names that
// all messages share.
template <typename Request>
std::string OrgOf(const Request& request) {
  if constexpr (requires { request.org(); }) {
    return request.org();
  } else if constexpr (requires { request.key().org(); }) {
    return request.key().org();
  } else {
    return "";
  }
}

template <typename Request>
std::string ReasonTextOf(const Request& request) {
  if constexpr (requires { request.reason(); }) {
    return request.reason();
  } else if constexpr (requires { request.comment(); }) {
    return request.comment();
  } else {
    return "";
  }
}

// "policy/7": what a call is about, as far as its request says.
template <typename Request>
std::string TargetOf(const Request& request) {
  if constexpr (requires { request.version(); }) {
    return absl::StrCat("policy/", request.version());
  } else if constexpr (requires { request.to_version(); }) {
    return absl::StrCat("policy/", request.to_version());
  } else if constexpr (requires { request.exception_id(); }) {
    return absl::StrCat("exception/", request.exception_id());
  } else if constexpr (requires { request.alert_id(); }) {
    return absl::StrCat("alert/", request.alert_id());
  } else if constexpr (requires { request.silence_id(); }) {
    return absl::StrCat("silence/", request.silence_id());
  } else if constexpr (requires { request.delivery_id(); }) {
    return absl::StrCat("delivery/", request.delivery_id());
  } else if constexpr (requires { request.receiver(); }) {
    return absl::StrCat("receiver/", request.receiver());
  } else if constexpr (requires { request.key_id(); }) {
    return absl::StrCat("key/", request.key_id());
  } else if constexpr (requires { request.key().key_id(); }) {
    return request.key().key_id().empty() ? "key" : absl::StrCat("key/", request.key().key_id());
  } else if constexpr (requires { request.number(); }) {
    return absl::StrCat("price_book/", request.number());
  } else if constexpr (requires { request.limit_id(); }) {
    return absl::StrCat("limit/", request.limit_id());
  } else if constexpr (requires { request.set(); }) {
    return request.set().limit_id().empty() ? "limit"
                                            : absl::StrCat("limit/", request.set().limit_id());
  } else {
    return "";
  }
}

template <typename Parts, typename Request>
ChangeRequest ChangeOf(const AuditedCall<Parts>& call, const Request& request) {
  ChangeRequest change;
  change.org = OrgOf(request);
  change.actor = call.caller.principal->name;
  change.address = call.caller.address;
  change.action = call.action;
  change.reason = ReasonTextOf(request);
  change.now_us = call.now_us;
  if constexpr (requires { request.request_id(); }) {
    change.request_id = request.request_id();
    Request asked = request;
    asked.clear_request_id();
    const Digest digest = FieldBuffer().Add(call.action).Add(Canonical(asked)).digest();
    const std::string_view bytes = digest.view();
    change.request_digest = absl::BytesToHexString({bytes.data(), bytes.size()});
  }
  return change;
}

// One change: `work(open)` gives a Changed<T>, and `answer(now)` fills `response` from what
// there is now. A repetition is answered as it was the first time; `repeated`, if given, says so.
template <typename Parts, typename Response, typename Do, typename Answer>
absl::Status MakeChange(AuditedCall<Parts>& call, const ChangeRequest& change,
                        const std::string& target, Do work, Answer answer, Response* response,
                        bool* repeated = nullptr) {
  call.audited = true;
  const auto make = [&](sql::Transaction& transaction,
                        int64_t number) -> absl::StatusOr<ChangeRecord> {
    QP_ASSIGN_OR_RETURN(auto made, work(OpenChange{transaction, change, number}));
    response->Clear();
    answer(made.now, response);
    made.record.answer = response->SerializeAsString();
    return std::move(made.record);
  };
  QP_ASSIGN_OR_RETURN(const ChangeOutcome outcome, call.parts.changes->Make(change, target, make));
  if (repeated != nullptr) *repeated = outcome.repeated;
  if (outcome.repeated && !response->ParseFromString(outcome.answer)) {
    return absl::DataLossError("the answer that was remembered cannot be read");
  }
  return absl::OkStatus();
}

}  // namespace quotaplane
