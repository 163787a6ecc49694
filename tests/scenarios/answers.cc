#include "tests/scenarios/answers.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "libs/base/error.h"

namespace quotaplane::scenarios {
namespace {

Field Usd(std::string name, int64_t nano_usd, bool must_tell = false) {
  return {std::move(name), {Value::Kind::kUsd, nano_usd, ""}, must_tell};
}
Field Count(std::string name, int64_t count) {
  return {std::move(name), {Value::Kind::kCount, count, ""}, false};
}
Field Amount(std::string name, const std::string& unit, int64_t amount) {
  return unit == "usd" ? Usd(std::move(name), amount) : Count(std::move(name), amount);
}
Field Time(std::string name, int64_t at_us, bool must_tell = false) {
  return {std::move(name), {Value::Kind::kTime, at_us, ""}, must_tell};
}
Field Text(std::string name, std::string text, bool must_tell = false) {
  return {std::move(name), {Value::Kind::kText, 0, std::move(text)}, must_tell};
}

std::string NameOf(Decision decision) {
  switch (decision) {
    case Decision::kAllow:
      return "ALLOW";
    case Decision::kAllowSoft:
      return "ALLOW_SOFT";
    case Decision::kDeny:
      return "DENY";
  }
  return "?";
}

// kDeny is what a limit does unless it says something else, and has no mark.
void AddMark(OnExceed on_exceed, std::vector<std::string>* marks) {
  if (on_exceed == OnExceed::kSoft) marks->push_back("soft");
  if (on_exceed == OnExceed::kShadow) marks->push_back("shadow");
  if (on_exceed == OnExceed::kDowngrade) marks->push_back("downgrade");
}

void AddMark(Cause cause, std::vector<std::string>* marks) {
  if (cause == Cause::kModelNotAllowed) marks->push_back("MODEL_NOT_ALLOWED");
  if (cause == Cause::kModelUnpriced) marks->push_back("MODEL_UNPRICED");
  if (cause == Cause::kStoreUnavailable) marks->push_back("STORE_UNAVAILABLE");
  if (cause == Cause::kFrozen) marks->push_back("FROZEN");
}

Part PartOf(const Exceeded& exceeded) {
  Part part{"by", exceeded.limit_id, {}, {}};
  AddMark(exceeded.on_exceed, &part.marks);
  AddMark(exceeded.cause, &part.marks);
  part.fields = {Text("scope", exceeded.scope),
                 Text("unit", exceeded.unit),
                 Amount("used", exceeded.unit, exceeded.used),
                 Amount("needed", exceeded.unit, exceeded.needed),
                 Amount("amount", exceeded.unit, exceeded.amount),
                 Time("fits", exceeded.never_fits ? kNever : exceeded.fits_at_us)};
  if (!exceeded.downgrade_model.empty()) {
    part.fields.push_back(Text("instead", exceeded.downgrade_model));
  }
  if (!exceeded.alert_id.empty()) {
    part.fields.push_back(Text("alert", exceeded.alert_id, true));
    part.fields.push_back(Time("until", exceeded.alert_until_us));
    part.fields.push_back(Text("detail", exceeded.detail));
  }
  return part;
}

int64_t Left(int64_t amount, int64_t used) { return std::max<int64_t>(0, amount - used); }

Part PartOf(const Remaining& remaining) {
  return {"tightest",
          remaining.limit_id,
          {},
          {Text("scope", remaining.scope), Text("unit", remaining.unit),
           Amount("used", remaining.unit, remaining.used),
           Amount("amount", remaining.unit, remaining.amount),
           Amount("left", remaining.unit, Left(remaining.amount, remaining.used)),
           Time("resets", remaining.resets_at_us)}};
}

Part PartOf(const LimitUsage& usage) {
  Part part{"limit", usage.limit_id, {}, {}};
  AddMark(usage.on_exceed, &part.marks);
  part.fields = {Text("scope", usage.scope),
                 Text("unit", usage.unit),
                 Text("window", usage.window),
                 Amount("used", usage.unit, usage.used),
                 Amount("held", usage.unit, usage.held),
                 Amount("amount", usage.unit, usage.amount),
                 Amount("left", usage.unit, Left(usage.amount, usage.used)),
                 Time("resets", usage.resets_at_us)};
  if (!usage.exception_id.empty()) {
    part.fields.push_back(Text("exception", usage.exception_id, true));
    part.fields.push_back(Time("until", usage.exception_ends_at_us));
  }
  if (!usage.alert_id.empty()) {
    part.fields.push_back(Text("alert", usage.alert_id, true));
    // Where an exception holds too, `until` is its end.
    if (usage.exception_id.empty()) part.fields.push_back(Time("until", usage.alert_until_us));
  }
  return part;
}

Outcome OutcomeOf(const Verdict& verdict, int64_t cost_nano_usd, int64_t expires_at_us) {
  Outcome outcome;
  outcome.head.name = NameOf(verdict.decision);
  outcome.head.fields = {Usd("cost", cost_nano_usd),
                         Time("expires", expires_at_us),
                         {"retry", {Value::Kind::kDuration, verdict.retry_after_us, ""}, false}};
  if (!verdict.downgrade_model.empty()) {
    outcome.head.fields.push_back(Text("instead", verdict.downgrade_model, true));
  }
  for (const Exceeded& one : verdict.exceeded) outcome.limits.push_back(PartOf(one));
  return outcome;
}

void AddMarkIf(bool condition, const char* mark, Outcome* outcome) {
  if (condition) outcome->head.marks.emplace_back(mark);
}

}  // namespace

Outcome OutcomeOf(const ReserveAnswer& answer) {
  Outcome outcome = OutcomeOf(answer.verdict, answer.estimated_cost_nano_usd, answer.expires_at_us);
  AddMarkIf(answer.outage, "outage", &outcome);
  AddMarkIf(answer.unpriced, "unpriced", &outcome);
  for (const Remaining& one : answer.tightest) outcome.limits.push_back(PartOf(one));
  return outcome;
}

Outcome OutcomeOf(const ExtendAnswer& answer) {
  return OutcomeOf(answer.verdict, answer.estimated_cost_nano_usd, answer.expires_at_us);
}

Outcome OutcomeOf(const CommitAnswer& answer) {
  Outcome outcome;
  outcome.head.name = answer.spooled ? "SPOOLED" : "CHARGED";
  outcome.head.fields = {Usd("cost", answer.cost_nano_usd), Usd("held", answer.held_nano_usd),
                         Usd("overrun", answer.overrun_nano_usd, answer.overrun_nano_usd > 0),
                         Count("overrun_tokens", answer.overrun_tokens)};
  AddMarkIf(answer.late, "late", &outcome);
  AddMarkIf(answer.unreserved, "unreserved", &outcome);
  AddMarkIf(answer.replayed, "replayed", &outcome);
  AddMarkIf(answer.unpriced, "unpriced", &outcome);
  return outcome;
}

Outcome OutcomeOf(const ReleaseAnswer& answer) {
  Outcome outcome;
  outcome.head.name = answer.expired ? "EXPIRED" : "RELEASED";
  AddMarkIf(answer.replayed, "replayed", &outcome);
  return outcome;
}

Outcome OutcomeOf(const std::vector<LimitUsage>& usage) {
  Outcome outcome;
  outcome.head.name = "LIMITS";
  for (const LimitUsage& one : usage) outcome.limits.push_back(PartOf(one));
  return outcome;
}

Outcome OutcomeOf(const std::vector<ChargeRecord>& ledger) {
  int64_t cost_nano_usd = 0, spooled = 0;
  for (const ChargeRecord& record : ledger) {
    cost_nano_usd += record.cost_nano_usd;
    if (record.spooled_at_us > 0) ++spooled;
  }
  Outcome outcome;
  outcome.head.name = absl::StrCat(ledger.size());
  outcome.head.marks = {"entries"};
  outcome.head.fields = {Usd("cost", cost_nano_usd), Count("spooled", spooled)};
  return outcome;
}

Outcome OutcomeOf(const absl::Status& error) {
  Outcome outcome;
  outcome.head.name = absl::StatusCodeToString(error.code());
  if (const std::optional<std::string> reason = ReasonOf(error)) {
    outcome.head.marks.push_back(*reason);
  }
  const std::map<std::string, std::string> metadata = MetadataOf(error);
  int64_t first_cost = 0;
  if (const auto cost = metadata.find("cost_nano_usd");
      cost != metadata.end() && absl::SimpleAtoi(cost->second, &first_cost)) {
    outcome.head.fields.push_back(Usd("cost", first_cost));
  }
  if (const std::vector<FieldViolation> fields = FieldViolationsOf(error); !fields.empty()) {
    outcome.head.fields.push_back(Text("field", fields[0].field));
  }
  outcome.head.fields.push_back(Text("message", std::string(error.message())));
  return outcome;
}

}  // namespace quotaplane::scenarios
