// One change of the control plane: a transaction that is all or nothing, audited, and published.
//
// What every write has in common is here, so that no write can leave a part of it out:
//   1. the database's one lock for changes is taken, so that changes are one after the other, and
//      the audit chain and the items' numbers have an order;
//   2. a request id that was seen is answered as it was the first time, and the work is not done;
//   3. the work reads, checks and writes;
//   4. the audit row goes into the same transaction, with what was before and after;
//   5. so do the items that replicas are to know (items.h), which a publisher takes from there.
// A change that is refused writes nothing but an audit row of the refusal, in a transaction of its
// own. One that failed because the database is away cannot leave one, and is logged instead.
//
// Every change has a number, 1, 2, 3 … without gaps, of all orgs together. Rows of what it changed
// have it as their change_number, which is what etags are made of, and so have its items.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/control/audit_chain.h"
#include "libs/control/refusal_budget.h"
#include "libs/sql/database.h"

namespace quotaplane {

// Who asks for what. Already validated and authorised.
struct ChangeRequest {
  std::string org;         // empty: the deployment's
  std::string actor;       // Principal::name
  std::string address;     // of the caller
  std::string action;      // the method, "ActivatePolicy"
  std::string request_id;  // not empty
  // Of everything that was asked for, without the request id: another request with the same id is
  // ALREADY_EXISTS, reason REQUEST_ID_REUSED.
  std::string request_digest;
  std::string reason;
  int64_t now_us = 0;  // the server's wall clock
};

inline constexpr size_t kMaxItemWrites = 200'000;

// What the work says of itself.
struct ChangeRecord {
  std::string target;  // "policy/7"
  std::string before;  // JSON objects, or empty. Never a secret
  std::string after;
  // For a repetition of the request: enough to answer it again (the service's own encoding; never a
  // secret).
  std::string answer;
  struct ItemWrite {
    std::string name;  // items.h
    std::string body;  // empty: taken away
  };
  // Each name once; at most kMaxItemWrites, or RESOURCE_EXHAUSTED, reason TOO_MANY.
  std::vector<ItemWrite> items;
};

struct ChangeOutcome {
  std::string answer;
  bool repeated = false;  // the work was not done: `answer` is the first time's
};

// Thread-safe. Blocks.
class Changes {
 public:
  // How long a request id is remembered.
  static constexpr int64_t kRememberUs = int64_t{24} * 3600 * 1'000'000;

  // `database` has the schema, and must outlive it. `published` is called, if given, after each
  // change that wrote items: to wake a publisher.
  explicit Changes(sql::Database* database, std::function<void()> published = nullptr);

  // `work` runs in the transaction, maybe more than once, and is told the change's number. Its
  // error is returned as it is, after the refusal was audited (with `target`) and everything rolled
  // back. ALREADY_EXISTS, reason REQUEST_ID_REUSED. ABORTED, reason ADMIN_CONFLICT: other writers
  // were in the way all the time. Others are the database's: after UNAVAILABLE and
  // DEADLINE_EXCEEDED it may have happened, and the same request tells.
  using Work = absl::FunctionRef<absl::StatusOr<ChangeRecord>(sql::Transaction& transaction,
                                                              int64_t number)>;
  absl::StatusOr<ChangeOutcome> Make(const ChangeRequest& request, std::string_view target,
                                     Work work);

  // Another answer for repetitions of a request that was carried out: where what came of it is
  // known only after its change. NOT_FOUND: it is not remembered (any more).
  absl::Status Reanswer(const ChangeRequest& request, const std::string& answer);

  // A call that was refused before any work: a role that is missing, a field that broke a rule. The
  // request may have anything in it, also what is no text. Errors that are the database's, or say
  // that it is away, are no refusals: nothing is written. Bounded: past 600 a minute of one org
  // (and of callers that nobody knows), or of one actor in all orgs together, refusals are counted,
  // and a row of its own, before the org's next that is written, says how many are missing (action
  // RefusalsNotListed).
  void AuditRefusal(const ChangeRequest& request, std::string_view target,
                    const absl::Status& refusal);

  // AuditRefusal in parts, for a caller that leaves the writing to another thread: what there is no
  // room for is known, and counted, before it is queued, so that a flood of it pushes nobody else's
  // refusal out. Quick. False: there is nothing to write.
  bool AdmitRefusal(const ChangeRequest& request, const absl::Status& refusal);
  // Of one that was admitted.
  void WriteRefusal(const ChangeRequest& request, std::string_view target,
                    const absl::Status& refusal);
  // Of one that was admitted, and is not written after all: it is counted.
  void DropRefusal(const ChangeRequest& request);

 private:
  absl::StatusOr<ChangeOutcome> MakeOnce(const ChangeRequest& request, Work work, bool* published);
  // With the row that says how many refusals are missing, where some are: `missing` of them.
  absl::Status Audit(sql::Transaction& transaction, AuditRow row, int64_t missing);

  sql::Database* const database_;
  const std::function<void()> published_;
  RefusalBudget budget_;
};

}  // namespace quotaplane
