#include "libs/ledger/usage_rates.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/time/clock.h"
#include "libs/admission/demand.h"
#include "libs/admission/usage_forecasts.h"
#include "libs/base/status_macros.h"

namespace quotaplane {
namespace {

constexpr std::string_view kHours =
    "SELECT bucket_us, team, project, user_name, model, meter, quantity, cost_nano_usd, requests "
    "FROM rollup_hour WHERE org = $1 AND bucket_us >= $2 AND bucket_us < $3";

// Rows between two looks at the clock.
constexpr int64_t kLook = 10'000;

bool IsSummed(const Dimension& dimension) {
  return dimension.kind != DimensionKind::kApiKey && dimension.kind != DimensionKind::kLabel;
}

// Who a row is of, and which counters that subject has.
struct Identity {
  std::string_view team, project, user, model;

  friend bool operator==(const Identity&, const Identity&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const Identity& i) {
    return H::combine(std::move(h), absl::string_view(i.team.data(), i.team.size()),
                      absl::string_view(i.project.data(), i.project.size()),
                      absl::string_view(i.user.data(), i.user.size()),
                      absl::string_view(i.model.data(), i.model.size()));
  }
};

class Adder {
 public:
  Adder(std::string_view org, const Policy& policy, int64_t until_us, size_t most)
      : org_(org), policy_(policy), until_us_(until_us), most_(most), usage_{{"", 0}} {
    quantities_.usage = &usage_;
  }

  absl::Status Add(const sql::Row& row) {
    int64_t bucket_us, quantity;
    Identity identity;
    std::string_view meter;
    QP_RETURN_IF_ERROR(row.Read(bucket_us, identity.team, identity.project, identity.user,
                                identity.model, meter, quantity, quantities_.cost_nano_usd,
                                quantities_.requests));
    usage_[0].first.assign(meter);
    usage_[0].second = quantity;
    const std::vector<size_t>& counters = CountersOf(identity);
    for (const size_t i : counters) {
      UsedCounter& counter = rates_.counters[i];
      const int64_t amount = quantities_.Of(counter.limits.front().limit->unit);
      if (amount != 0) counter.recent.Add(bucket_us, static_cast<double>(amount));
    }
    return absl::OkStatus();
  }

  UsageRates Finish() {
    std::erase_if(rates_.counters, [](const UsedCounter& counter) {
      return counter.recent.first_us() == counter.recent.until_us();
    });
    return std::move(rates_);
  }

 private:
  // Valid until the next call.
  const std::vector<size_t>& CountersOf(const Identity& identity) {
    const auto known = by_identity_.find(identity);
    if (known != by_identity_.end()) return known->second;
    const Subject& subject = rates_.subjects.emplace_back(Subject{std::string(org_),
                                                                  std::string(identity.team),
                                                                  std::string(identity.project),
                                                                  std::string(identity.user),
                                                                  {},
                                                                  std::string(identity.model),
                                                                  {}});
    std::vector<size_t> counters;
    applied_.clear();
    policy_.Match(subject, subject.model, &applied_);
    for (const AppliedLimit& one : applied_) {
      if (HasRates(*one.limit)) AddTo(subject, one, &counters);
    }
    const Identity kept = {subject.team, subject.project, subject.user, subject.model};
    return by_identity_.emplace(kept, std::move(counters)).first->second;
  }

  void AddTo(const Subject& subject, const AppliedLimit& limit, std::vector<size_t>* counters) {
    const auto known = by_counter_.find(limit.counter);
    if (known == by_counter_.end()) {
      if (rates_.counters.size() >= most_) {
        ++rates_.left_out;
        return;
      }
      by_counter_.emplace(limit.counter, rates_.counters.size());
      counters->push_back(rates_.counters.size());
      rates_.counters.push_back({limit.counter, &subject, {limit}, RecentUse(until_us_)});
      return;
    }
    // Limits of one counter may differ in who they are for, but not in what they count.
    std::vector<AppliedLimit>& limits = rates_.counters[known->second].limits;
    const bool is_new = std::none_of(limits.begin(), limits.end(), [&](const AppliedLimit& one) {
      return one.limit == limit.limit;
    });
    if (is_new) limits.push_back(limit);
    if (std::find(counters->begin(), counters->end(), known->second) == counters->end()) {
      counters->push_back(known->second);
    }
  }

  const std::string_view org_;
  const Policy& policy_;
  const int64_t until_us_;
  const size_t most_;
  Usage usage_;
  Quantities quantities_;
  std::vector<AppliedLimit> applied_;
  UsageRates rates_;
  absl::flat_hash_map<Identity, std::vector<size_t>> by_identity_;  // views of rates_.subjects
  absl::flat_hash_map<Digest, size_t> by_counter_;
};

}  // namespace

bool HasRates(const Limit& limit) {
  const auto asks = [](const Condition& condition) { return IsSummed(condition.dimension); };
  return HasForecast(limit) && std::all_of(limit.per.begin(), limit.per.end(), IsSummed) &&
         std::all_of(limit.when.begin(), limit.when.end(), asks);
}

absl::StatusOr<UsageRates> ReadUsageRates(sql::Session& session, std::string_view org,
                                          const Policy& policy, int64_t until_us,
                                          size_t most_counters, absl::Time deadline) {
  Adder adder(org, policy, until_us, most_counters);
  int64_t rows = 0;
  const auto add = [&](const sql::Row& row) -> absl::Status {
    if (++rows % kLook == 0 && absl::Now() > deadline) {
      return absl::DeadlineExceededError("the ledger's sums are more than could be read in time");
    }
    return adder.Add(row);
  };
  constexpr int64_t kTwoWeeksUs = 2 * kPaceWeekUs;
  const absl::Duration left = std::max(absl::Milliseconds(1), deadline - absl::Now());
  QP_RETURN_IF_ERROR(
      session.Stream({"usage_rates", kHours, left}, {org, until_us - kTwoWeeksUs, until_us}, add));
  return adder.Finish();
}

}  // namespace quotaplane
