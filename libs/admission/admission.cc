#include "libs/admission/admission.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/admission/charge.h"
#include "libs/admission/errors.h"
#include "libs/admission/fingerprint.h"
#include "libs/admission/pricing_rule.h"
#include "libs/admission/refusal_telling.h"
#include "libs/admission/usage_forecasts.h"

namespace quotaplane {
namespace {

// A priced and matched request on its way to the store. Keeps the snapshot alive that its limits
// point into.
struct Request {
  std::shared_ptr<const Snapshot> snapshot;
  Subject subject;
  Demand demand;
  int64_t cost_nano_usd = 0;
  bool unpriced = false;
};

// What stands between the arguments and the store: a request, or a refusal by a rule or a freeze,
// or an error.
struct Prepared {
  Request request;
  std::optional<Verdict> refusal;
};

ReserveAnswer RefusalOf(const Prepared& prepared) {
  ReserveAnswer refused;
  refused.verdict = *prepared.refusal;
  refused.unpriced = prepared.request.unpriced;
  return refused;
}

absl::StatusOr<Prepared> Prepare(const ReserveArgs& args, std::shared_ptr<const Snapshot> snapshot,
                                 int64_t now_us) {
  Prepared prepared;
  Request& request = prepared.request;
  request.subject = args.subject;
  const std::string& model = request.subject.model;
  const OrgPolicy& policy = snapshot->policies->For(request.subject.org);
  if (!policy.curbs->empty()) {
    const Curb* const freeze = policy.curbs->Freeze(request.subject, model, now_us);
    if (freeze != nullptr) {
      prepared.refusal = RefuseFrozen(*freeze, request.subject, now_us);
      return prepared;
    }
  }
  const ModelRule* rule = policy.policy->RefusingRule(request.subject, model);
  if (rule != nullptr || !args.refused_by.empty()) {
    prepared.refusal = RefuseByRule(Cause::kModelNotAllowed,
                                    rule != nullptr ? rule->id : args.refused_by, request.subject);
    return prepared;
  }
  const PricingRule pricing = FindPricing(*policy.policy, *snapshot->prices, model, now_us);
  request.unpriced = pricing.unpriced();
  if (pricing.unpriced() && policy.policy->document().unpriced_models != UnpricedModels::kFlag) {
    prepared.refusal = RefuseByRule(Cause::kModelUnpriced, "unpriced_models", request.subject);
    return prepared;
  }
  absl::StatusOr<PricedUsage> priced = PriceBy(pricing, args.tier, args.estimate);
  if (!priced.ok()) return FieldError({{"estimate", std::string(priced.status().message())}});
  request.cost_nano_usd = priced->cost_nano_usd;
  Quantities quantities{1, 1, request.cost_nano_usd, pricing.free(), &args.estimate};
  request.demand = BuildDemand(policy, request.subject, model, quantities, now_us);
  request.snapshot = std::move(snapshot);
  if (request.demand.uses.size() > kMaxCountersPerCall) return TooManyLimits();
  return prepared;
}

ReserveAnswer AnswerOf(const Request& request, const std::vector<CounterState>& states,
                       int64_t now_us) {
  const std::string& model = request.subject.model;
  ReserveAnswer answer;
  answer.estimated_cost_nano_usd = request.cost_nano_usd;
  answer.unpriced = request.unpriced;
  answer.verdict = Judge(request.demand, request.subject, model, states, now_us);
  answer.tightest = Tightest(request.demand, request.subject, model, states,
                             answer.verdict.decision != Decision::kDeny);
  return answer;
}

ReserveAnswer OutageAnswerOf(const Request& request) {
  ReserveAnswer answer;
  answer.estimated_cost_nano_usd = request.cost_nano_usd;
  answer.unpriced = request.unpriced;
  answer.outage = true;
  answer.verdict = JudgeOutage(request.demand, request.subject, request.subject.model);
  return answer;
}

absl::StatusOr<ReserveAnswer> ReadReserve(const Request& request, const ReserveResult& result) {
  switch (result.outcome) {
    case ReserveResult::Outcome::kMismatch:
      return Mismatch();
    case ReserveResult::Outcome::kEnded:
      return EndedAlready(result.state);
    case ReserveResult::Outcome::kHeld:
    case ReserveResult::Outcome::kRefused:
      break;
  }
  ReserveAnswer answer = AnswerOf(request, result.counters, result.now_us);
  // The store has decided; the verdict explains. A hold that stands is never reported as a refusal.
  if (result.outcome == ReserveResult::Outcome::kHeld) {
    answer.expires_at_us = result.expires_at_us;
    answer.estimated_cost_nano_usd = result.cost_nano_usd;
    if (answer.verdict.decision == Decision::kDeny) answer.verdict = Verdict{};
  } else {
    answer.verdict.decision = Decision::kDeny;
  }
  return answer;
}

absl::StatusOr<ReserveAnswer> AnswerReserve(const Prepared& prepared,
                                            const absl::StatusOr<ReserveResult>& result) {
  const bool away = !result.ok() && IsStoreAway(result.status());
  const bool refused = result.ok() && result->outcome == ReserveResult::Outcome::kRefused;
  if (prepared.refusal.has_value() && (away || refused)) return RefusalOf(prepared);
  if (result.ok()) return ReadReserve(prepared.request, *result);
  if (away) return OutageAnswerOf(prepared.request);
  return result.status();
}

absl::StatusOr<ExtendAnswer> ReadExtend(const Prepared& prepared, const ExtendResult& result) {
  const Request& request = prepared.request;
  switch (result.outcome) {
    case ExtendResult::Outcome::kMismatch:
      return Mismatch();
    case ExtendResult::Outcome::kStale:
      return StaleSequence();
    case ExtendResult::Outcome::kSubjectMismatch:
      return SubjectMismatch();
    case ExtendResult::Outcome::kEnded:
      return result.state == ReservationState::kUnknown ? Unknown() : NotOpen(result.state);
    case ExtendResult::Outcome::kExtended:
    case ExtendResult::Outcome::kRefused:
      break;
  }
  ExtendAnswer answer;
  answer.estimated_cost_nano_usd = request.cost_nano_usd;
  answer.expires_at_us = result.expires_at_us;
  if (result.outcome == ExtendResult::Outcome::kRefused && prepared.refusal.has_value()) {
    answer.verdict = *prepared.refusal;
  } else if (result.outcome == ExtendResult::Outcome::kRefused) {
    answer.verdict = Judge(request.demand, request.subject, request.subject.model, result.counters,
                           result.now_us);
    answer.verdict.decision = Decision::kDeny;
  }
  return answer;
}

absl::StatusOr<CommitAnswer> ReadCommit(const CommitResult& result) {
  switch (result.outcome) {
    case CommitResult::Outcome::kMismatch:
      return CommittedOtherwise(result);
    case CommitResult::Outcome::kReleased:
      return NotOpen(ReservationState::kReleased);
    case CommitResult::Outcome::kHeld:
      return StillHeld();
    case CommitResult::Outcome::kSubjectMismatch:
      return SubjectMismatch();
    case CommitResult::Outcome::kCharged:
      break;
  }
  CommitAnswer answer;
  answer.cost_nano_usd = result.cost_nano_usd;
  answer.held_nano_usd = result.held_nano_usd;
  answer.overrun_nano_usd = result.overrun_nano_usd;
  answer.overrun_tokens = result.overrun_tokens;
  answer.late = result.late;
  answer.unreserved = result.unreserved;
  answer.replayed = result.replayed;
  return answer;
}

absl::StatusOr<CommitCall> CallFor(std::shared_ptr<const Snapshot> snapshot,
                                   std::shared_ptr<const ChargeRecord> record,
                                   const ChargeCodec& codec, int64_t now_us) {
  CommitCall call;
  call.key = {record->subject.org, record->id};
  call.record = record->recorded;
  call.usage_fingerprint = UsageFingerprint(*record);
  call.subject_fingerprint = SubjectFingerprint(record->subject);
  call.cost_nano_usd = record->cost_nano_usd;
  call.tokens = ChargedTokens(*record);
  const OrgPolicy& policy = snapshot->policies->For(record->subject.org);
  call.uses = ChargesOf(policy, *record, record->subject.model, now_us);
  if (call.uses.size() > kMaxCountersPerCall) return TooManyLimits();
  call.ledger_record = codec.Encode(*record);
  call.describe = [snapshot = std::move(snapshot), record = std::move(record), &policy, now_us](
                      const Digest& counter, int64_t threshold) {
    return DescribeCharge(policy, *record, record->subject.model, now_us, counter, threshold);
  };
  return call;
}

// Nobody waits for it, and what fails is found by the next refusal.
void TellRefusal(CounterStore* store, std::shared_ptr<const Prepared> prepared,
                 const std::vector<CounterState>& states, SteadyTime deadline) {
  if (prepared->refusal.has_value()) return;
  TellRefusedCall call;
  call.uses = TellingsOf(prepared->request.demand, states);
  if (call.uses.empty()) return;
  call.org = prepared->request.subject.org;
  call.describe = [prepared = std::move(prepared)](const Digest& counter, int64_t threshold) {
    const Request& refused = prepared->request;
    return DescribeRefusal(refused.demand, refused.subject, counter, threshold);
  };
  store->TellRefused(std::move(call), deadline, [](const absl::StatusOr<TellRefusedResult>&) {});
}

}  // namespace

Admission::Admission(CounterStore* store, const SnapshotHolder* snapshots, ChargeSpool* spool,
                     const ChargeCodec* codec, RefusalCounts* refusals,
                     const ForecastTable* forecasts, UseCounts* uses)
    : store_(store),
      snapshots_(snapshots),
      spool_(spool),
      codec_(codec),
      refusals_(refusals),
      forecasts_(forecasts),
      uses_(uses) {}

void Admission::Reserve(ReserveArgs args, SteadyTime deadline, Done<ReserveAnswer> done) {
  absl::StatusOr<Prepared> prepared = Prepare(args, snapshots_->Get(), store_->EstimatedNowUs());
  if (!prepared.ok()) return done(prepared.status());
  auto kept = std::make_shared<const Prepared>(*std::move(prepared));
  const Request& request = kept->request;
  ReserveCall call;
  call.request_fingerprint = RequestFingerprint(args);
  call.subject_fingerprint = SubjectFingerprint(args.subject);
  call.key = {args.subject.org, std::move(args.id)};
  call.ttl_us = args.ttl_us;
  call.cost_nano_usd = request.cost_nano_usd;
  call.tokens = TotalTokens(args.estimate);
  call.uses = request.demand.uses;
  // Even then the store is asked: a retry of what was held before the rule, or the freeze, came
  // still holds.
  call.refuse = kept->refusal.has_value();
  store_->Reserve(
      std::move(call), deadline,
      [this, kept, deadline, done = std::move(done)](absl::StatusOr<ReserveResult> result) mutable {
        absl::StatusOr<ReserveAnswer> answer = AnswerReserve(*kept, result);
        const int64_t now_us = result.ok() ? result->now_us : store_->EstimatedNowUs();
        if (refusals_ != nullptr && answer.ok() && answer->verdict.decision == Decision::kDeny) {
          refusals_->Count(kept->request.subject, now_us);
        }
        if (uses_ != nullptr && answer.ok() && !(result.ok() && result->replayed)) {
          uses_->CountDecision(kept->request.subject, answer->verdict.decision, answer->outage,
                               now_us);
        }
        if (result.ok() && result->outcome == ReserveResult::Outcome::kRefused) {
          TellRefusal(store_, std::move(kept), result->counters, deadline);
        }
        done(std::move(answer));
      });
}

void Admission::Check(ReserveArgs args, SteadyTime deadline, Done<ReserveAnswer> done) {
  absl::StatusOr<Prepared> prepared = Prepare(args, snapshots_->Get(), store_->EstimatedNowUs());
  if (!prepared.ok()) return done(prepared.status());
  if (prepared->refusal.has_value()) return done(RefusalOf(*prepared));
  auto request = std::make_unique<Request>(std::move(prepared->request));
  std::vector<CounterUse> uses = request->demand.uses;
  store_->Read(args.subject.org, std::move(uses), deadline,
               [request = std::move(request),
                done = std::move(done)](absl::StatusOr<ReadResult> result) mutable {
                 if (!result.ok()) return done(StoreError(result.status()));
                 done(AnswerOf(*request, result->counters, result->now_us));
               });
}

void Admission::Extend(ExtendArgs args, SteadyTime deadline, Done<ExtendAnswer> done) {
  ReserveArgs as_reserve{args.id, args.subject, args.estimate, args.tier, 0, args.refused_by};
  absl::StatusOr<Prepared> prepared =
      Prepare(as_reserve, snapshots_->Get(), store_->EstimatedNowUs());
  if (!prepared.ok()) return done(prepared.status());
  auto kept = std::make_shared<const Prepared>(*std::move(prepared));
  const Request& request = kept->request;
  ExtendCall call;
  call.refuse = kept->refusal.has_value();
  call.key = {args.subject.org, args.id};
  call.request_fingerprint = ExtendFingerprint(args);
  call.subject_fingerprint = SubjectFingerprint(args.subject);
  call.sequence = args.sequence;
  call.ttl_us = args.ttl_us;
  // Without an estimate only the time changes: no counter is asked for more than it holds.
  if (!args.estimate.empty()) {
    call.cost_nano_usd = request.cost_nano_usd;
    call.tokens = TotalTokens(args.estimate);
    call.uses = request.demand.uses;
  }
  store_->Extend(
      std::move(call), deadline,
      [this, kept, deadline, done = std::move(done)](absl::StatusOr<ExtendResult> result) mutable {
        if (!result.ok()) return done(StoreError(result.status()));
        if (result->outcome == ExtendResult::Outcome::kRefused) {
          TellRefusal(store_, kept, result->counters, deadline);
        }
        done(ReadExtend(*kept, *result));
      });
}

void Admission::Commit(CommitArgs args, SteadyTime deadline, int64_t now_local_us,
                       Done<CommitAnswer> done) {
  std::shared_ptr<const Snapshot> snapshot = snapshots_->Get();
  absl::StatusOr<ChargeRecord> built = BuildCharge(*snapshot, args, store_->EstimatedNowUs());
  if (!built.ok()) return done(built.status());
  auto record = std::make_shared<ChargeRecord>(std::move(*built));
  absl::StatusOr<CommitCall> call = CallFor(snapshot, record, *codec_, store_->EstimatedNowUs());
  if (!call.ok()) return done(call.status());
  store_->Commit(std::move(*call), deadline,
                 [this, snapshot, record = std::move(record), now_local_us,
                  done = std::move(done)](absl::StatusOr<CommitResult> result) mutable {
                   const bool unpriced = HasUnpriced(*record);
                   if (result.ok()) {
                     absl::StatusOr<CommitAnswer> answer = ReadCommit(*result);
                     if (answer.ok()) answer->unpriced = unpriced;
                     if (uses_ != nullptr && answer.ok() && !answer->replayed) {
                       uses_->CountCharge(*record, result->now_us);
                     }
                     return done(std::move(answer));
                   }
                   if (!IsStoreAway(result.status())) return done(StoreError(result.status()));
                   record->spooled_at_us = now_local_us;
                   CommitAnswer answer;
                   answer.cost_nano_usd = record->cost_nano_usd;
                   answer.spooled = true;
                   answer.unpriced = unpriced;
                   spool_->Append(
                       codec_->Encode(*record),
                       [this, record, answer, done = std::move(done)](absl::Status kept) mutable {
                         if (!kept.ok()) return done(SpoolError(kept));
                         // Here, and not when it is charged: that may be by the next
                         // process, whose counters begin anew.
                         if (uses_ != nullptr) {
                           uses_->CountCharge(*record, record->spooled_at_us);
                         }
                         done(answer);
                       });
                 });
}

void Admission::Release(ReservationKey key, SteadyTime deadline, Done<ReleaseAnswer> done) {
  store_->Release(
      std::move(key), deadline,
      [done = std::move(done)](absl::StatusOr<ReleaseResult> result) mutable {
        if (!result.ok()) return done(StoreError(result.status()));
        switch (result->state) {
          case ReservationState::kUnknown:
            return done(Unknown());
          case ReservationState::kCommitted:
            return done(NotOpen(result->state));
          default:
            break;
        }
        done(ReleaseAnswer{result->state == ReservationState::kExpired, result->replayed});
      });
}

void Admission::GetUsage(Subject subject, SteadyTime deadline, Done<std::vector<LimitUsage>> done) {
  auto request = std::make_unique<Request>();
  request->snapshot = snapshots_->Get();
  request->subject = std::move(subject);
  const Usage none;
  Quantities nothing;
  nothing.usage = &none;
  request->demand =
      BuildDemand(request->snapshot->policies->For(request->subject.org), request->subject,
                  request->subject.model, nothing, store_->EstimatedNowUs());
  if (request->demand.uses.size() > kMaxCountersPerCall) return done(TooManyLimits());
  std::vector<CounterUse> uses = request->demand.uses;
  for (CounterUse& use : uses) use.max_used = kNeverRefuses;  // only read
  const std::string org = request->subject.org;
  store_->Read(
      org, std::move(uses), deadline,
      [this, deadline, request = std::move(request),
       done = std::move(done)](absl::StatusOr<ReadResult> result) mutable {
        if (!result.ok()) return done(StoreError(result.status()));
        std::vector<LimitUsage> usage;
        usage.reserve(request->demand.limits.size());
        for (const LimitDemand& one : request->demand.limits) {
          const Limit& limit = one.limit();
          const CounterState& state = result->counters[one.use];
          usage.push_back({limit.id, ScopeString(limit, request->subject, request->subject.model),
                           limit.unit.ToString(), limit.window.ToString(), limit.on_exceed,
                           one.applied.amount, state.used(), state.held, state.resets_at_us,
                           one.raise == nullptr ? "" : one.raise->exception_id,
                           one.raise == nullptr ? 0 : one.raise->until_us,
                           one.throttle == nullptr ? "" : AlertName(one.throttle->alert),
                           one.throttle == nullptr ? 0 : one.throttle->until_us});
          usage.back().per = limit.per;
        }
        AddForecasts(forecasts_, request->subject.org, request->demand, result->now_us, deadline,
                     std::move(usage), std::move(done));
      });
}

void Admission::ChargeSpooled(const std::string& bytes, SteadyTime deadline,
                              Done<CommitAnswer> done) {
  // Retries of a spooled commit may come late; the outcome is remembered for long.
  constexpr int64_t kRememberUs = int64_t{7} * 86'400 * 1'000'000;
  absl::StatusOr<ChargeRecord> record = codec_->Decode(bytes);
  if (!record.ok()) return done(record.status());
  std::shared_ptr<const Snapshot> snapshot = snapshots_->Get();
  auto kept = std::make_shared<ChargeRecord>(std::move(*record));
  absl::StatusOr<CommitCall> call = CallFor(snapshot, kept, *codec_, store_->EstimatedNowUs());
  if (!call.ok()) return done(call.status());
  call->remember_us = kRememberUs;
  store_->Commit(std::move(*call), deadline,
                 [this, snapshot, kept = std::move(kept), deadline,
                  done = std::move(done)](absl::StatusOr<CommitResult> result) mutable {
                   if (!result.ok()) return done(result.status());
                   switch (result->outcome) {
                     case CommitResult::Outcome::kReleased:
                     case CommitResult::Outcome::kHeld:
                     case CommitResult::Outcome::kSubjectMismatch:
                       break;
                     default:
                       return done(ReadCommit(*result));
                   }
                   // Its caller would have been told of the conflict, but was told that the usage
                   // is safe: it is charged under an id of its own. `~` keeps that id apart from
                   // this one's retries.
                   if (kept->id.ends_with("~spooled")) return done(ReadCommit(*result));
                   kept->id += "~spooled";
                   kept->recorded = true;
                   ChargeSpooled(codec_->Encode(*kept), deadline, std::move(done));
                 });
}

}  // namespace quotaplane
