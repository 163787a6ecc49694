#include "services/ledger/ledger_calls.h"

#include <quotaplane/v1/books.pb.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "absl/time/clock.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/ledger/orgs.h"
#include "libs/log/log.h"
#include "services/ledger/books_convert.h"
#include "services/ledger/ledger_parts.h"
#include "services/rpc/parse_request.h"

namespace quotaplane {
namespace {

constexpr char kServiceName[] = "quotaplane.v1.LedgerService";
constexpr absl::Duration kErasePatience = absl::Seconds(30);

int64_t LocalNowUs() { return absl::ToUnixMicros(absl::Now()); }

absl::Status LedgerAway() {
  return ReasonedError(absl::StatusCode::kUnavailable, "LEDGER_UNAVAILABLE",
                       "the ledger's database is away");
}

// What a caller should know of an error. `store_away`: whether the store takes no calls now, since
// an error does not say whose it is.
absl::Status ForCaller(const absl::Status& status, bool store_away) {
  if (status.ok() || absl::IsCancelled(status) || absl::IsNotFound(status) ||
      ReasonOf(status).has_value() || !FieldViolationsOf(status).empty()) {
    return status;
  }
  LogError("ledger call: {}", status.ToString());
  const bool away = absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status);
  if (away && store_away) {
    return ReasonedError(absl::StatusCode::kUnavailable, "STORE_UNAVAILABLE",
                         "the counter store is away");
  }
  switch (status.code()) {
    case absl::StatusCode::kOutOfRange:
      return status;
    case absl::StatusCode::kResourceExhausted:
      return ReasonedError(status.code(), "OVERLOADED", "the ledger's database is overloaded");
    case absl::StatusCode::kDeadlineExceeded:
      return ReasonedError(status.code(), "LEDGER_TOO_SLOW", "the ledger's database took too long");
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kAborted:
      return LedgerAway();
    default:
      return absl::InternalError("the call failed; the server's log says more");
  }
}

// Says nothing of one org, but does not keep from looking at the others.
bool IsOfOneOrg(const absl::Status& status) {
  const std::string reason = ReasonOf(status).value_or("");
  return reason == "LEDGER_BEHIND" || reason == "REPAIR_CONFLICT" || reason == "LEDGER_TOO_SLOW";
}

// Sends the books of some orgs, one after the other.
template <typename Response>
class BooksSender {
 public:
  BooksSender(const SendChunk& send, int64_t orgs, int64_t limits) : send_(send) {
    chunk_.orgs_total = orgs;
    chunk_.limits = limits;
  }

  absl::Status Add(const std::string& org, const RebuiltOrg& books, bool all_counters) {
    BooksChunk::Org summary;
    summary.name = org;
    summary.counters = static_cast<int64_t>(books.lines.size());
    summary.moved = books.moved;
    for (const BookLine& line : books.lines) {
      if (line.drift() != 0) ++summary.drifting;
      if (line.drift() == 0 && !all_counters) continue;
      if (chunk_.rows.size() == kMaxRowsOfMessage) QP_RETURN_IF_ERROR(Send());
      chunk_.rows.push_back(line);
    }
    return SendOrg(std::move(summary));
  }
  absl::Status AddUnknown(const std::string& org, const absl::Status& why) {
    BooksChunk::Org summary;
    summary.name = org;
    summary.known = false;
    summary.reason = ReasonOf(why).value_or("");
    return SendOrg(std::move(summary));
  }
  absl::Status End() {
    chunk_.last = true;
    return Send();
  }

 private:
  absl::Status SendOrg(BooksChunk::Org summary) {
    chunk_.org = std::move(summary);
    ++chunk_.orgs_done;
    return Send();
  }
  absl::Status Send() {
    auto response = std::make_unique<Response>();
    ToProto(chunk_, response.get());
    chunk_.rows.clear();
    chunk_.org.reset();
    return send_(std::move(response));
  }

  const SendChunk& send_;
  BooksChunk chunk_;
};

}  // namespace

// What each method does.
class LedgerCalls::Work {
 public:
  explicit Work(Role role) : role_(std::move(role)) {}

  // `answer(args, response)` does what the method is for.
  template <typename Request, typename Response, typename Run>
  PrepareAnswer Answer(const char* name, Run answer) const {
    return [this, name, answer](grpc::ByteBuffer* bytes,
                                const Caller& caller) -> absl::StatusOr<AnswerWork> {
      Request request;
      QP_RETURN_IF_ERROR(ParseRequest(name, bytes, caller, &request));
      QP_ASSIGN_OR_RETURN(auto args, FromProto(request));
      return AnswerWork(
          [this, answer,
           args = std::move(args)]() -> absl::StatusOr<std::unique_ptr<google::protobuf::Message>> {
            LedgerParts* const parts = role_.parts();
            if (parts == nullptr) return LedgerAway();
            auto response = std::make_unique<Response>();
            const absl::Status status = (this->*answer)(*parts, args, response.get());
            if (!status.ok()) return ForCaller(status, role_.store_away());
            return std::unique_ptr<google::protobuf::Message>(std::move(response));
          });
    };
  }

  PrepareAnswer Status() const {
    return [this](grpc::ByteBuffer* bytes, const Caller& caller) -> absl::StatusOr<AnswerWork> {
      v1::GetStatusRequest request;
      QP_RETURN_IF_ERROR(ParseRequest("GetStatusRequest", bytes, caller, &request));
      return AnswerWork([this]() -> absl::StatusOr<std::unique_ptr<google::protobuf::Message>> {
        auto response = std::make_unique<v1::GetStatusResponse>();
        ToProto(role_.status(), response.get());
        return std::unique_ptr<google::protobuf::Message>(std::move(response));
      });
    };
  }

  PrepareStream Verify() const {
    return [this](grpc::ByteBuffer* bytes, const Caller& caller) -> absl::StatusOr<StreamWork> {
      v1::VerifyRequest request;
      QP_RETURN_IF_ERROR(ParseRequest("VerifyRequest", bytes, caller, &request));
      QP_ASSIGN_OR_RETURN(VerifyArgs args, FromProto(request));
      return StreamWork([this, args = std::move(args)](const SendChunk& send) {
        const auto policies = role_.snapshots->Get()->policies;
        return SendBooks<v1::VerifyResponse>(
            args.org, *policies, args.all_counters, send,
            [&](LedgerParts& parts, const std::string& org) -> absl::StatusOr<RebuiltOrg> {
              const Policy& policy = *policies->For(org).policy;
              QP_ASSIGN_OR_RETURN(std::vector<BookLine> lines,
                                  parts.books->Compare(org, policy, args.patience));
              return RebuiltOrg{std::move(lines), 0};
            });
      });
    };
  }

  PrepareStream Rebuild() const {
    return [this](grpc::ByteBuffer* bytes, const Caller& caller) -> absl::StatusOr<StreamWork> {
      v1::RebuildCountersRequest request;
      QP_RETURN_IF_ERROR(
          ParseRequest("RebuildCountersRequest", bytes, caller, &request, kMaxPolicyRequestBytes));
      QP_ASSIGN_OR_RETURN(RebuildArgs args, FromProto(request));
      return StreamWork([this, args = std::move(args)](const SendChunk& send) -> absl::Status {
        QP_ASSIGN_OR_RETURN(const auto policies, PoliciesFor(args));
        return SendBooks<v1::RebuildCountersResponse>(
            args.org, *policies, false, send,
            [&](LedgerParts& parts, const std::string& org) -> absl::StatusOr<RebuiltOrg> {
              const Policy& policy = *policies->For(org).policy;
              if (!args.dry_run) return parts.seeding->Rebuild(org, policy, nullptr, args.patience);
              QP_ASSIGN_OR_RETURN(std::vector<BookLine> lines,
                                  parts.books->Compare(org, policy, args.patience));
              return RebuiltOrg{std::move(lines), 0};
            });
      });
    };
  }

  absl::Status Adjust(LedgerParts& parts, const Adjustment& adjustment,
                      v1::AdjustResponse* response) const {
    QP_ASSIGN_OR_RETURN(const AdjustOutcome outcome,
                        parts.adjuster->Adjust(adjustment, LocalNowUs()));
    ToProto(outcome, MoveCounters(parts, adjustment.org), response);
    return absl::OkStatus();
  }

  absl::Status Rerate(LedgerParts& parts, const RerateRequest& request,
                      v1::RerateResponse* response) const {
    const std::shared_ptr<const Snapshot> snapshot = role_.snapshots->Get();
    QP_ASSIGN_OR_RETURN(const RerateReport report,
                        parts.rerater->Rerate(request, *snapshot, LocalNowUs()));
    const bool moved = !request.dry_run && MoveCounters(parts, request.org);
    ToProto(report, *snapshot, moved, response);
    return absl::OkStatus();
  }

  absl::Status Erase(LedgerParts& parts, const ErasureRequest& request,
                     v1::EraseUserResponse* response) const {
    const auto policies = role_.snapshots->Get()->policies;
    // It repairs counters, which two must not do at once.
    return parts.seeding->Alone(
        request.org, absl::Now() + kErasePatience, [&](Seeding::StillAlone) -> absl::Status {
          QP_ASSIGN_OR_RETURN(const ErasureOutcome outcome,
                              parts.erasure->Erase(request, *policies->For(request.org).policy,
                                                   role_.store->EstimatedNowUs(), kErasePatience));
          ToProto(outcome, response);
          return absl::OkStatus();
        });
  }

 private:
  // Whether all corrections of the org have reached the counters; if not, they will.
  bool MoveCounters(LedgerParts& parts, const std::string& org) const {
    const auto policies = role_.snapshots->Get()->policies;
    const absl::Status moved = parts.moves->Apply(org, *policies->For(org).policy).status();
    if (!moved.ok()) LogError("corrections wait to reach the counters: {}", moved.ToString());
    return moved.ok();
  }

  // Those in force; a document of the request's stands for its org, or for all that have no policy
  // of their own.
  absl::StatusOr<std::shared_ptr<const PolicySet>> PoliciesFor(const RebuildArgs& args) const {
    std::shared_ptr<const PolicySet> policies = role_.snapshots->Get()->policies;
    if (args.policy_yaml.empty()) return policies;
    QP_ASSIGN_OR_RETURN(std::shared_ptr<const Policy> policy, PolicyOf(args));
    if (args.org.empty()) return policies->WithDefault(std::move(policy));
    return std::make_shared<const PolicySet>(std::move(policy));
  }

  // `books_of(parts, org)` says how one org's books stand.
  template <typename Response, typename BooksOf>
  absl::Status SendBooks(const std::string& only, const PolicySet& policies, bool all_counters,
                         const SendChunk& send, BooksOf books_of) const {
    LedgerParts* const parts = role_.parts();
    if (parts == nullptr) return LedgerAway();
    std::vector<std::string> orgs = {only};
    if (only.empty()) {
      absl::StatusOr<std::vector<std::string>> all = ListAllOrgs(*parts->database);
      if (!all.ok()) return ForCaller(all.status(), false);
      orgs = *std::move(all);
    }
    const int64_t limits =
        only.empty() ? CountCompared(policies)
                     : static_cast<int64_t>(ComparedFamilies(*policies.For(only).policy).size());
    BooksSender<Response> sender(send, static_cast<int64_t>(orgs.size()), limits);
    for (const std::string& org : orgs) {
      const absl::StatusOr<RebuiltOrg> books = books_of(*parts, org);
      const absl::Status status = ForCaller(books.status(), role_.store_away());
      if (status.ok()) {
        QP_RETURN_IF_ERROR(sender.Add(org, *books, all_counters));
      } else if (only.empty() && IsOfOneOrg(status)) {
        QP_RETURN_IF_ERROR(sender.AddUnknown(org, status));
      } else {
        return status;
      }
    }
    return sender.End();
  }

  const Role role_;
};

LedgerCalls::LedgerCalls(Role role, const LedgerCallsOptions& options)
    : work_(new Work(std::move(role)), [](Work* work) { delete work; }),
      pool_(options.threads, options.queue),
      books_pool_(options.books_threads, options.books_queue) {}

StreamService LedgerCalls::service() {
  return {kServiceName, [this](StreamCalls* calls, grpc::ServerCompletionQueue* events) {
            AddTo(calls, events);
          }};
}

void LedgerCalls::AddTo(StreamCalls* calls, grpc::ServerCompletionQueue* events) {
  const std::string prefix = std::string("/") + kServiceName + "/";
  const auto answer = [&](const char* method, const PrepareAnswer& prepare) {
    calls->Add(prefix + method, [this, prepare, events](StreamCall* call) {
      return HandleAnswer(prepare, &pool_, events, call);
    });
  };
  const auto stream = [&](const char* method, const PrepareStream& prepare) {
    calls->Add(prefix + method, [this, prepare, events](StreamCall* call) {
      return HandleStream(prepare, &books_pool_, events, call);
    });
  };
  stream("Verify", work_->Verify());
  stream("RebuildCounters", work_->Rebuild());
  answer("Adjust",
         work_->Answer<v1::AdjustRequest, v1::AdjustResponse>("AdjustRequest", &Work::Adjust));
  answer("Rerate",
         work_->Answer<v1::RerateRequest, v1::RerateResponse>("RerateRequest", &Work::Rerate));
  answer("EraseUser", work_->Answer<v1::EraseUserRequest, v1::EraseUserResponse>("EraseUserRequest",
                                                                                 &Work::Erase));
  answer("GetStatus", work_->Status());
}

}  // namespace quotaplane
