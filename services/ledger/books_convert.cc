#include "services/ledger/books_convert.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/config/policy_reader.h"
#include "services/rpc/field_checks.h"
#include "services/rpc/time_fields.h"

namespace quotaplane {
namespace {

using google::protobuf::Duration;
using google::protobuf::RepeatedPtrField;

absl::Duration PatienceOf(bool present, const Duration& patience, FieldChecks* checks) {
  if (!present) return kDefaultPatience;
  const absl::Duration given = absl::Seconds(std::clamp<int64_t>(patience.seconds(), -100, 100)) +
                               absl::Nanoseconds(patience.nanos());
  if (given < absl::Milliseconds(1) || given > kMaxPatience) {
    checks->Violation("patience", "must be from 0.001 to 60 seconds");
  }
  return given;
}

void SetDuration(absl::Duration from, Duration* to) {
  const int64_t ns = absl::ToInt64Nanoseconds(from);
  to->set_seconds(ns / 1'000'000'000);
  to->set_nanos(static_cast<int32_t>(ns % 1'000'000'000));
}

// As kMaxReasonBytes says; `text` may be longer than an id.
void CheckReason(const std::string& reason, FieldChecks* checks) {
  if (reason.empty()) return checks->Violation("reason", "is required");
  if (reason.size() > kMaxReasonBytes) {
    checks->Violation("reason", absl::StrCat("has ", reason.size(), " bytes; at most ",
                                             kMaxReasonBytes, " are allowed"));
  } else if (!IsUtf8(reason)) {
    checks->Violation("reason", "is not UTF-8");
  } else if (HasControlCharacter(reason)) {
    checks->Violation("reason", "has control characters");
  }
}

std::vector<std::string> NamesOf(const RepeatedPtrField<std::string>& names, const char* field,
                                 FieldChecks* checks) {
  if (names.size() > kMaxRerateFilters) {
    checks->Violation(field, absl::StrCat("has ", names.size(), " names; at most ",
                                          kMaxRerateFilters, " are allowed"));
    return {};
  }
  for (int i = 0; i < names.size(); ++i) {
    checks->Text(names[i], absl::StrCat(field, "[", i, "]"), true);
  }
  return {names.begin(), names.end()};
}

void ToProto(const BookLine& from, v1::BookRow* to) {
  to->set_limit_id(from.limit_id);
  to->set_scope(from.scope);
  to->set_unit(from.unit);
  to->set_window(from.window);
  if (from.period_start_us != 0) {
    SetTime(from.period_start_us, to->mutable_period_start_time());
  }
  to->set_ledger(from.ledger);
  to->set_counter(from.counter);
  to->set_drift(from.drift());
  SetTime(from.at_us, to->mutable_as_of_time());
}

template <typename Response>
void FillChunk(const BooksChunk& chunk, Response* response) {
  for (const BookLine& line : chunk.rows) ToProto(line, response->add_rows());
  if (chunk.org.has_value()) {
    v1::OrgBooks* const org = response->mutable_org();
    org->set_org(chunk.org->name);
    org->set_state(!chunk.org->known          ? v1::OrgBooks::UNKNOWN
                   : chunk.org->drifting == 0 ? v1::OrgBooks::BALANCED
                                              : v1::OrgBooks::DIFFERENT);
    org->set_counters(chunk.org->counters);
    org->set_drifting(chunk.org->drifting);
    org->set_moved(chunk.org->moved);
    org->set_reason(chunk.org->reason);
  }
  response->set_orgs_done(chunk.orgs_done);
  response->set_orgs_total(chunk.orgs_total);
  response->set_limits(chunk.limits);
  response->set_last(chunk.last);
}

void ToProto(const std::string& model, const RerateSums& from, v1::RerateSums* to) {
  to->set_model(model);
  to->set_entries(from.entries);
  to->set_changed(from.changed);
  to->set_before_nano_usd(from.before_nano_usd);
  to->set_after_nano_usd(from.after_nano_usd);
}

void ToProto(const BookState& books, v1::BooksStatus* to) {
  to->set_watching(books.watching);
  to->set_filled(books.filled);
  if (books.checked == absl::InfinitePast()) return;
  SetTime(absl::ToUnixMicros(books.checked), to->mutable_check_time());
  SetDuration(books.took, to->mutable_check_duration());
  to->set_orgs(books.orgs);
  to->set_unknown_orgs(books.unknown_orgs);
  to->set_counters(books.counters);
  for (const auto& [unit, drift] : books.drift) {
    v1::UnitDrift* const one = to->add_drifts();
    one->set_unit(unit);
    one->set_counters(drift.counters);
    one->set_sum(drift.sum);
    one->set_max(drift.max);
  }
}

}  // namespace

absl::StatusOr<VerifyArgs> FromProto(const v1::VerifyRequest& request) {
  FieldChecks checks;
  checks.Text(request.org(), "org", false);
  VerifyArgs args = {request.org(), request.all_counters(),
                     PatienceOf(request.has_patience(), request.patience(), &checks)};
  if (absl::Status status = checks.ToStatus(); !status.ok()) return status;
  return args;
}

absl::StatusOr<RebuildArgs> FromProto(const v1::RebuildCountersRequest& request) {
  FieldChecks checks;
  checks.Text(request.org(), "org", false);
  if (request.policy_yaml().size() > kMaxPolicyBytes) {
    checks.Violation("policy_yaml",
                     absl::StrCat("has ", request.policy_yaml().size(), " bytes; at most ",
                                  kMaxPolicyBytes, " are allowed"));
  }
  RebuildArgs args = {request.org(), request.dry_run(),
                      PatienceOf(request.has_patience(), request.patience(), &checks),
                      request.policy_yaml()};
  if (absl::Status status = checks.ToStatus(); !status.ok()) return status;
  return args;
}

absl::StatusOr<std::shared_ptr<const Policy>> PolicyOf(const RebuildArgs& args) {
  absl::StatusOr<std::shared_ptr<const Policy>> policy =
      ParsePolicy(args.policy_yaml, "policy_yaml");
  if (policy.ok()) return policy;
  return FieldError({{"policy_yaml", std::string(policy.status().message())}});
}

absl::StatusOr<Adjustment> FromProto(const v1::AdjustRequest& request) {
  FieldChecks checks;
  checks.Text(request.adjustment_id(), "adjustment_id", true);
  checks.Text(request.org(), "org", true);
  checks.Text(request.reservation_id(), "reservation_id", true);
  CheckReason(request.reason(), &checks);
  checks.Text(request.actor(), "actor", true);
  if (request.has_line() && request.line() < 0) {
    checks.Violation("line", "must be 0 or more; absent is the whole charge");
  }
  const bool amounts = request.cost_nano_usd() != 0 || request.quantity() != 0;
  if (request.take_back_all() && amounts) {
    checks.Violation("take_back_all", "goes without cost_nano_usd and quantity");
  } else if (!request.take_back_all() && !amounts) {
    checks.Violation("cost_nano_usd", "is 0: give it, quantity, or take_back_all");
  }
  if (request.quantity() != 0 && !request.has_line()) {
    checks.Violation("line", "is required for a quantity: units of different meters do not add up");
  }
  if (absl::Status status = checks.ToStatus(); !status.ok()) return status;
  Adjustment adjustment;
  adjustment.org = request.org();
  adjustment.id = request.adjustment_id();
  adjustment.reservation_id = request.reservation_id();
  if (request.has_line()) adjustment.line = request.line();
  adjustment.take_back_all = request.take_back_all();
  adjustment.cost_nano_usd = request.cost_nano_usd();
  adjustment.quantity = request.quantity();
  adjustment.reason = request.reason();
  adjustment.actor = request.actor();
  return adjustment;
}

absl::StatusOr<RerateRequest> FromProto(const v1::RerateRequest& request) {
  FieldChecks checks;
  checks.Text(request.org(), "org", true);
  RerateRequest rerate;
  rerate.from_us = TimeOf(request.has_from_time(), request.from_time(), "from_time", &checks);
  rerate.to_us = TimeOf(request.has_to_time(), request.to_time(), "to_time", &checks);
  if (rerate.from_us != 0 && rerate.to_us != 0 && rerate.to_us <= rerate.from_us) {
    checks.Violation("to_time", "must be after from_time");
  }
  rerate.models = NamesOf(request.models(), "models", &checks);
  rerate.teams = NamesOf(request.teams(), "teams", &checks);
  rerate.users = NamesOf(request.users(), "users", &checks);
  CheckReason(request.reason(), &checks);
  checks.Text(request.actor(), "actor", true);
  if (absl::Status status = checks.ToStatus(); !status.ok()) return status;
  rerate.org = request.org();
  rerate.reason = request.reason();
  rerate.actor = request.actor();
  rerate.dry_run = request.dry_run();
  return rerate;
}

absl::StatusOr<ErasureRequest> FromProto(const v1::EraseUserRequest& request) {
  FieldChecks checks;
  checks.Text(request.org(), "org", true);
  checks.Text(request.user(), "user", true);
  checks.Text(request.actor(), "actor", true);
  if (absl::Status status = checks.ToStatus(); !status.ok()) return status;
  return ErasureRequest{request.org(), request.user(), request.actor()};
}

void ToProto(const BooksChunk& chunk, v1::VerifyResponse* response) { FillChunk(chunk, response); }
void ToProto(const BooksChunk& chunk, v1::RebuildCountersResponse* response) {
  FillChunk(chunk, response);
}

void ToProto(const AdjustOutcome& outcome, bool counters_moved, v1::AdjustResponse* response) {
  response->set_replayed(outcome.replayed);
  SetTime(outcome.occurred_at_us, response->mutable_charge_time());
  SetTime(outcome.recorded_at_us, response->mutable_adjust_time());
  for (const AdjustedLine& from : outcome.lines) {
    v1::AdjustedLine* const to = response->add_lines();
    to->set_line(from.line);
    to->set_model(from.model);
    to->set_meter(from.meter);
    to->set_quantity(from.quantity);
    to->set_cost_nano_usd(from.cost_nano_usd);
    to->set_quantity_left(from.quantity_left);
    to->set_cost_left_nano_usd(from.cost_left_nano_usd);
  }
  response->set_cost_nano_usd(outcome.cost_nano_usd);
  response->set_cost_left_nano_usd(outcome.cost_left_nano_usd);
  response->set_counters_moved(counters_moved);
}

void ToProto(const RerateReport& report, const Snapshot& snapshot, bool counters_moved,
             v1::RerateResponse* response) {
  response->set_charges(report.charges);
  response->set_adjusted_charges(report.adjusted);
  response->set_unpriced_entries(report.unpriced);
  ToProto("", report.total, response->mutable_total());
  for (const auto& [model, sums] : report.by_model) ToProto(model, sums, response->add_by_model());
  response->set_price_version(snapshot.prices->version());
  response->set_counters_moved(counters_moved);
}

void ToProto(const ErasureOutcome& outcome, v1::EraseUserResponse* response) {
  response->set_pseudonym(outcome.pseudonym);
  response->set_replayed(outcome.replayed);
  response->set_entries(outcome.entries);
  response->set_counters(outcome.counters);
  response->set_quarantined(outcome.quarantined);
}

void ToProto(const LedgerStatus& status, v1::GetStatusResponse* response) {
  response->set_ledger_available(status.available);
  if (status.outbox.has_value()) {
    response->set_outbox_messages(status.outbox->messages);
    SetDuration(absl::Microseconds(status.outbox->oldest_age_us),
                response->mutable_outbox_oldest_age());
    response->set_quarantined_messages(status.outbox->quarantined);
  }
  if (status.pending_moves.has_value()) response->set_pending_moves(*status.pending_moves);
  v1::WorkerStatus* const worker = response->mutable_worker();
  worker->set_charges(status.worker.charges);
  worker->set_entries(status.worker.entries);
  worker->set_duplicates(status.worker.duplicates);
  worker->set_quarantined(status.worker.quarantined);
  worker->set_failed_rounds(status.worker.failures);
  worker->set_refusal_batches(status.worker.refusals);
  response->mutable_books()->set_limits(status.limits);
  ToProto(status.books, response->mutable_books());
}

}  // namespace quotaplane
