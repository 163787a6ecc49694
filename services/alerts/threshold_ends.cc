#include "services/alerts/threshold_ends.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "libs/admission/thresholds.h"
#include "libs/alert_sources/crossing_signals.h"
#include "libs/base/await.h"
#include "libs/base/status_macros.h"
#include "libs/policy/alert_rule.h"

namespace quotaplane {
namespace {

constexpr std::chrono::seconds kTimeout{2};

Signal EndOf(const Alert& alert, std::string because, int64_t now_us) {
  Signal signal = alert.signal;
  signal.occurrence = absl::StrCat("over/", alert.tellings, "/", alert.opened_at_us);
  signal.over = true;
  signal.over_because = FitText(because, kMaxOverBecauseBytes);
  signal.action = std::nullopt;
  signal.at_us = now_us;
  return signal;
}

// Of what was told at `at_us`; empty while it goes on.
std::string TimeIsUp(const Limit& limit, int64_t at_us, int64_t now_us) {
  switch (limit.window.kind) {
    case WindowKind::kLifetime:
      return "";
    case WindowKind::kCalendar:
      return PeriodAt(limit.window, at_us).end_us <= now_us ? "its period has ended" : "";
    case WindowKind::kSliding:
      return at_us + limit.window.length_us <= now_us ? "its window has moved on" : "";
  }
  return "";
}

std::string FellBelow(const Limit& limit, int64_t at_us, int64_t now_us) {
  if (limit.window.kind == WindowKind::kSliding) return "its window has moved on";
  const std::string ended = TimeIsUp(limit, at_us, now_us);
  return ended.empty() ? "what was used is below it again" : ended;
}

// Which of the limit's shares an alert was about, by the amount of then: the highest that comes to
// its threshold, as it was told (AddThresholdLimit). 0: none, any more.
int ShareOf(const Limit& limit, int64_t amount, int64_t threshold) {
  int share = 0;
  for (const int permille : AlertAt(limit)) {
    if (ThresholdAt(amount, permille) == threshold) share = permille;
  }
  return share;
}

Digest KeyDigest(const std::string& org, const std::string& key) {
  FieldBuffer fields;
  return fields.Add(org).Add(key).digest();
}

}  // namespace

struct ThresholdEnds::Watched {
  const Alert* alert;
  ThresholdKey key;
  LimitNow now;
  int64_t threshold = 0;  // of its share of the present amount
  CounterUse use;
  int64_t committed = 0;
};

void ThresholdEnds::Begin(const PolicySet& policies, int64_t now_us) {
  now_us_ = now_us;
  limits_.SetTime(policies, now_us);
  numbers_.clear();
}

absl::StatusOr<std::vector<Signal>> ThresholdEnds::Of(const std::vector<Alert>& alerts) {
  std::vector<Signal> ends;
  std::vector<Watched> watched;
  for (const Alert& alert : alerts) {
    const Signal& said = alert.signal;
    const std::optional<ThresholdKey> key = ParseThresholdKey(said.key);
    if (!key.has_value()) {
      ends.push_back(EndOf(alert, "nobody can say of what it is", now_us_));
      continue;
    }
    Watched one{&alert, *key, limits_.Of(said, key->limit_id, key->counter), 0, {}, 0};
    std::string because = one.now.gone;
    if (one.now.limit != nullptr) {
      const int64_t amount = said.amount.value_or(one.now.amount);
      if (amount == one.now.amount) numbers_.emplace(KeyDigest(said.org, said.key), alert.number);
      const int share = ShareOf(*one.now.limit, amount, key->threshold);
      one.threshold = ThresholdAt(one.now.amount, share);
      if (share == 0) {
        because = "the limit tells of no such share any more";
      } else if (key->refused && one.threshold > key->threshold) {
        because = AmountNowWords(one.now);
      } else if (key->refused) {
        because = TimeIsUp(*one.now.limit, said.at_us, now_us_);
      }
    }
    if (!because.empty()) {
      ends.push_back(EndOf(alert, std::move(because), now_us_));
    } else if (!key->refused || one.threshold != key->threshold) {
      watched.push_back(std::move(one));
    }
  }
  QP_RETURN_IF_ERROR(Read(&watched));
  for (const Watched& one : watched) {
    const Signal& said = one.alert->signal;
    const int64_t was = one.key.threshold;
    const Limit& limit = *one.now.limit;
    std::string because;
    if (!one.key.refused && one.committed < std::min(was, one.threshold)) {
      because = FellBelow(limit, said.at_us, now_us_);
    } else if (!one.key.refused && one.committed < one.threshold) {
      because = AmountNowWords(one.now);
    } else if (one.threshold != was) {
      // As long as nothing else says so, it stands for what is true by the present amount too.
      const std::string key =
          ThresholdKeyText({one.key.counter, one.threshold, false, one.key.limit_id});
      const auto other = numbers_.find(KeyDigest(said.org, key));
      if (other != numbers_.end()) {
        because = absl::StrCat(AmountNowWords(one.now), ", of which ", AlertName(other->second),
                               " tells");
      } else if (one.committed < was) {
        because = TimeIsUp(limit, said.at_us, now_us_);
      }
    }
    if (!because.empty()) ends.push_back(EndOf(*one.alert, std::move(because), now_us_));
  }
  return ends;
}

absl::Status ThresholdEnds::Read(std::vector<Watched>* watched) {
  std::map<std::string_view, std::vector<Watched*>> by_org;
  for (Watched& one : *watched) {
    const std::string bytes = absl::HexStringToBytes(one.key.counter);
    std::copy_n(bytes.begin(), std::min(bytes.size(), one.use.counter.bytes.size()),
                one.use.counter.bytes.begin());
    one.use.window = &one.now.limit->window;
    by_org[one.alert->signal.org].push_back(&one);
  }
  for (const auto& [org, all] : by_org) {
    for (size_t i = 0; i < all.size(); i += kMaxCountersPerCall) {
      const size_t last = std::min(all.size(), i + kMaxCountersPerCall);
      // Several thresholds of one counter are read once.
      std::vector<CounterUse> uses;
      std::map<std::string_view, size_t> places;
      for (size_t j = i; j < last; ++j) {
        if (!places.emplace(all[j]->use.counter.view(), uses.size()).second) continue;
        uses.push_back(all[j]->use);
      }
      QP_ASSIGN_OR_RETURN(
          const ReadResult read, Await<ReadResult>([&, name = org](StoreCallback<ReadResult> done) {
            store_->Read(name, std::move(uses), std::chrono::steady_clock::now() + kTimeout,
                         std::move(done));
          }));
      for (size_t j = i; j < last; ++j) {
        all[j]->committed = read.counters[places.at(all[j]->use.counter.view())].committed;
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace quotaplane
