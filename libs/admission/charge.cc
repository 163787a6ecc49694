#include "libs/admission/charge.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "libs/admission/fingerprint.h"
#include "libs/admission/pricing_rule.h"
#include "libs/admission/thresholds.h"
#include "libs/base/absl_view.h"
#include "libs/base/error.h"
#include "libs/base/hash.h"
#include "libs/money/money.h"

namespace quotaplane {
namespace {

// The attempts of a record, as far as they used anything: model and usage.
struct UsedAttempt {
  std::string_view model;
  int64_t cost_nano_usd = 0;
  Usage usage;
};

std::vector<UsedAttempt> AttemptsOf(const ChargeRecord& record) {
  std::vector<UsedAttempt> attempts;
  int last = -1;
  for (const ChargeLine& line : record.lines) {
    if (line.attempt != last) attempts.push_back({line.model, 0, {}});
    last = line.attempt;
    attempts.back().cost_nano_usd += line.cost_nano_usd;
    attempts.back().usage.emplace_back(line.meter, line.quantity);
  }
  return attempts;
}

// By what thresholds are reckoned.
struct AmountsAt {
  const OrgPolicy& policy;
  int64_t now_us;
};

// `amounts`: null where no thresholds are asked for.
void AddCharges(const Policy& policy, const Subject& subject, const UsedAttempt& attempt,
                int64_t requests, const AmountsAt* amounts, std::vector<CounterUse>* uses) {
  std::vector<AppliedLimit> applied;
  policy.Match(subject, attempt.model, &applied);
  Quantities quantities;
  quantities.requests = requests;
  quantities.cost_nano_usd = attempt.cost_nano_usd;
  quantities.usage = &attempt.usage;
  // Several limits may share a counter; it is charged once for each attempt.
  std::vector<size_t> charged;
  for (const AppliedLimit& one : applied) {
    const size_t index = UseOf(one, uses);
    if (amounts != nullptr) {
      AddThresholds(*one.limit, AmountAt(amounts->policy, one, amounts->now_us), &(*uses)[index]);
    }
    if (std::find(charged.begin(), charged.end(), index) != charged.end()) continue;
    charged.push_back(index);
    CounterUse& use = (*uses)[index];
    const int64_t amount = quantities.Of(one.limit->unit);
    use.charge =
        one.limit->unit.kind == UnitKind::kRequests ? requests : SaturatingAdd(use.charge, amount);
  }
}

std::vector<CounterUse> AllCharges(const Policy& policy, const ChargeRecord& record,
                                   std::string_view model, const AmountsAt* amounts) {
  std::vector<CounterUse> uses;
  const std::vector<UsedAttempt> attempts = AttemptsOf(record);
  for (const UsedAttempt& attempt : attempts) {
    AddCharges(policy, record.subject, attempt, 1, amounts, &uses);
  }
  if (attempts.empty()) AddCharges(policy, record.subject, {model, 0, {}}, 1, amounts, &uses);
  return uses;
}

}  // namespace

uint64_t UsageFingerprint(const ChargeRecord& record) {
  FieldBuffer fields;
  fields.Add(static_cast<int64_t>(SubjectFingerprint(record.subject)));
  for (const ChargeLine& line : record.lines) {
    fields.Add(int64_t{line.attempt})
        .Add(line.model)
        .Add(static_cast<int64_t>(line.tier))
        .Add(line.meter)
        .Add(line.quantity);
  }
  return fields.digest().low64();
}

absl::StatusOr<ChargeRecord> BuildCharge(const Snapshot& snapshot, const CommitArgs& args,
                                         int64_t at_us) {
  ChargeRecord record;
  record.id = args.id;
  record.subject = args.subject;
  record.recorded = args.record;
  record.trace = args.trace;
  record.price_version = snapshot.prices->version();
  const Policy& policy = *snapshot.policies->For(args.subject.org).policy;
  for (size_t i = 0; i < args.attempts.size(); ++i) {
    const Attempt& attempt = args.attempts[i];
    const std::string& model = attempt.model.empty() ? args.subject.model : attempt.model;
    const PricingRule rule = FindPricing(policy, *snapshot.prices, model, at_us);
    absl::StatusOr<PricedUsage> priced = PriceBy(rule, attempt.tier, attempt.usage);
    if (!priced.ok()) {
      return FieldError(
          {{absl::StrCat("attempts[", i, "].usage"), std::string(priced.status().message())}});
    }
    for (PricedLine& line : priced->lines) {
      record.lines.push_back({static_cast<int>(i), model, attempt.tier, std::move(line.meter),
                              line.quantity, line.unit_price, line.cost_nano_usd, rule.unpriced(),
                              std::string(rule.priced_as)});
    }
    const std::optional<int64_t> sum = CheckedAdd(record.cost_nano_usd, priced->cost_nano_usd);
    if (!sum.has_value() || *sum > kMaxCounterValue) {
      return FieldError({{"attempts", "all attempts together cost more than 9007199.25 USD"}});
    }
    record.cost_nano_usd = *sum;
  }
  return record;
}

std::vector<CounterUse> ChargesOf(const Policy& policy, const ChargeRecord& record,
                                  std::string_view model) {
  return AllCharges(policy, record, model, nullptr);
}

std::vector<CounterUse> ChargesOf(const OrgPolicy& policy, const ChargeRecord& record,
                                  std::string_view model, int64_t now_us) {
  const AmountsAt amounts{policy, now_us};
  return AllCharges(*policy.policy, record, model, &amounts);
}

std::string DescribeCharge(const OrgPolicy& policy, const ChargeRecord& record,
                           std::string_view model, int64_t now_us, const Digest& counter,
                           int64_t threshold) {
  std::vector<UsedAttempt> attempts = AttemptsOf(record);
  if (attempts.empty()) attempts.push_back({model, 0, {}});
  std::vector<ThresholdLimit> limits;
  for (const UsedAttempt& attempt : attempts) {
    std::vector<AppliedLimit> applied;
    policy.policy->Match(record.subject, attempt.model, &applied);
    for (const AppliedLimit& one : applied) {
      if (one.counter != counter) continue;
      AddThresholdLimit(*one.limit, AmountAt(policy, one, now_us), threshold, record.subject,
                        attempt.model, &limits);
    }
  }
  return EncodeThresholdLimits(limits);
}

std::vector<CounterUse> CorrectionsOf(const Policy& policy, const ChargeRecord& correction) {
  std::vector<CounterUse> uses;
  for (const UsedAttempt& attempt : AttemptsOf(correction)) {
    AddCharges(policy, correction.subject, attempt, 0, nullptr, &uses);
  }
  std::erase_if(uses, [](const CounterUse& use) { return use.charge == 0; });
  return uses;
}

int64_t ChargedTokens(const ChargeRecord& record) {
  int64_t sum = 0;
  for (const ChargeLine& line : record.lines) {
    if (IsTokenMeter(line.meter)) sum = SaturatingAdd(sum, line.quantity);
  }
  return sum;
}

bool HasUnpriced(const ChargeRecord& record) {
  return std::any_of(record.lines.begin(), record.lines.end(),
                     [](const ChargeLine& line) { return line.unpriced; });
}

}  // namespace quotaplane
