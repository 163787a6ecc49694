// How a call of the store becomes a script's call, and its reply a result.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/base/absl_view.h"
#include "libs/counters/redis/layout.h"
#include "libs/counters/redis/redis_counter_store.h"
#include "libs/counters/redis/replies.h"

namespace quotaplane {

inline absl::Status BadReply(std::string_view step) {
  return absl::InternalError(
      absl::StrCat("malformed reply of the counter store to ", AbslView(step)));
}

// One call of the store on its way: builds the script's keys and arguments, reads the reply, goes
// round again where the reply asks for it. Owns itself through the callback it hands to the client.
//
// Traits: Call, Result, kName, kKeyLetter (of KEYS[1]), Script(), Amount(use), Parameters(call)
// (four doubles), Prefix(call) (ARGV[2]), Read(code, reader, call, result) -> bool (whether the
// code was known), Org(call), Id(call); kTells (whether the script tells crossings:
// scripts/crossings.lua), and then Ledger(call) (ARGV[5]).
template <typename Traits>
class StoreStep {
 public:
  using Call = typename Traits::Call;
  using Result = typename Traits::Result;

  static void Start(RedisCounterStore* store, Call call, SteadyTime deadline,
                    StoreCallback<Result> done) {
    auto step = std::make_unique<StoreStep>(store, std::move(call), deadline, std::move(done));
    StoreStep* raw = step.get();
    raw->Send(std::move(step));
  }

  StoreStep(RedisCounterStore* store, Call call, SteadyTime deadline, StoreCallback<Result> done)
      : store_(store), call_(std::move(call)), deadline_(deadline), done_(std::move(done)) {
    now_us_ = store_->EstimatedNowUs();
    telling_ = std::is_same_v<Call, TellRefusedCall>;
  }

 private:
  static constexpr double kHoldOnly = 3;
  static constexpr auto kNever = static_cast<double>(kNeverRefuses);
  // A call is made again at most this often: once for the period, once for keys, once for marks,
  // and once more if the first two changed again.
  static constexpr int kMaxRounds = 5;
  // Reservations that one refusal ends, at most, before it tries again.
  static constexpr int kSweepBatch = 100;

  void Send(std::unique_ptr<StoreStep> self) {
    KeyList keys(PartitionOf(Traits::Org(call_), store_->options_.partitions));
    std::string numbers, digests;
    const size_t count = call_.uses.size() + held_elsewhere_.size() / 16;
    numbers.reserve(8 * (5 + 5 * count));
    digests.reserve(16 * count);
    keys.Add(Traits::kKeyLetter, ReservationDigest(Traits::Org(call_), Traits::Id(call_)).view());
    AppendDouble(&numbers, store_->ScriptNow());
    for (double parameter : Traits::Parameters(call_, store_->options_.retention)) {
      AppendDouble(&numbers, parameter);
    }
    std::vector<uint32_t> known;
    if constexpr (Traits::kTells) known = store_->told_.Known(call_.uses, now_us_);
    for (size_t i = 0; i < call_.uses.size(); ++i) {
      const CounterUse& use = call_.uses[i];
      int64_t most = use.max_used;
      if constexpr (Traits::kTells) most = LowestUnknown(use, known.empty() ? 0 : known[i]);
      AddUse(use, most, &keys, &numbers, &digests);
    }
    for (size_t i = 0; i < held_elsewhere_.size(); i += 16) {
      const std::string_view digest = std::string_view(held_elsewhere_).substr(i, 16);
      keys.Add('c', digest);
      digests.append(digest);
      for (double field : {kHoldOnly, 0.0, kNever, 0.0, 0.0}) AppendDouble(&numbers, field);
    }
    keys.Add('x');
    keys.Add('g');
    keys.Add('o');
    for (const CounterUse& use : call_.uses) {
      if (use.window->kind == WindowKind::kSliding) keys.Add('w', use.counter.view());
    }
    const std::string prefix = Traits::Prefix(call_);
    std::vector<std::string_view> args = {numbers, prefix, digests};
    std::string thresholds;
    std::vector<std::string> descriptions;
    if constexpr (Traits::kTells) {
      AddThresholds(known, &thresholds);
      args.push_back(thresholds);
      args.push_back(Traits::Ledger(call_));
      if (telling_) AddMarks(&keys, &descriptions);
      for (const std::string& description : descriptions) args.push_back(description);
    }
    const std::vector<std::string_view>& views = keys.views();
    store_->client_->RunScript(
        Traits::Script(), views, args, deadline_,
        [self = std::move(self)](absl::StatusOr<redis::Reply> reply) mutable {
          StoreStep* raw = self.get();
          raw->OnReply(std::move(self), std::move(reply));
        });
  }

  void AddUse(const CounterUse& use, int64_t most, KeyList* keys, std::string* numbers,
              std::string* digests) const {
    keys->Add('c', use.counter.view());
    digests->append(use.counter.view());
    double a = 0, b = 0;
    bool gone = false;  // what is being corrected, from the counter
    const int64_t happened = use.happened_at_us;
    if (use.window->kind == WindowKind::kCalendar) {
      const Period period = PeriodAt(*use.window, now_us_);
      a = static_cast<double>(period.start_us);
      b = static_cast<double>(period.end_us);
      gone = happened != 0 && (happened < period.start_us || happened >= period.end_us);
    } else if (use.window->kind == WindowKind::kSliding) {
      a = static_cast<double>(SlotWidthUs(*use.window));
      gone = happened != 0 && SlotAt(*use.window, happened) + kSlots < SlotAt(*use.window, now_us_);
    }
    AppendDouble(numbers, static_cast<double>(use.window->kind));
    AppendDouble(numbers, gone ? 0 : static_cast<double>(Traits::Amount(use)));
    AppendDouble(numbers, static_cast<double>(most));
    AppendDouble(numbers, a);
    AppendDouble(numbers, b);
  }

  static int64_t LowestUnknown(const CounterUse& use, uint32_t known) {
    const size_t count = std::min(use.thresholds.size(), kMaxThresholdsPerCounter);
    for (size_t bit = 0; bit < count; ++bit) {
      if ((known >> bit & 1) == 0) return use.thresholds[bit];
    }
    return kNeverRefuses;
  }

  // Of those known to be told, only a sliding window's matter, since they may be passed again. All
  // others go only where they are told.
  void AddThresholds(const std::vector<uint32_t>& known, std::string* out) {
    asked_.clear();
    if (!telling_ && known.empty()) return;
    bool any = false;
    for (size_t i = 0; i < call_.uses.size(); ++i) {
      const CounterUse& use = call_.uses[i];
      const bool sliding = use.window->kind == WindowKind::kSliding;
      std::string values;
      const size_t count = std::min(use.thresholds.size(), kMaxThresholdsPerCounter);
      for (size_t bit = 0; bit < count; ++bit) {
        const bool is_known = !known.empty() && (known[i] >> bit & 1) != 0;
        if (is_known ? !sliding : !telling_) continue;
        const auto value = static_cast<double>(use.thresholds[bit]);
        AppendDouble(&values, is_known ? -value : value);
        if (telling_) asked_.push_back({&use, use.thresholds[bit]});
      }
      const size_t asked = values.size() / sizeof(double);
      AppendDouble(out, static_cast<double>(asked));
      out->append(values);
      any = any || !values.empty();
    }
    for (size_t i = 0; i < held_elsewhere_.size(); i += 16) AppendDouble(out, 0);
    if (!any) out->clear();
  }

  void AddMarks(KeyList* keys, std::vector<std::string>* descriptions) const {
    if (asked_.empty()) return;
    keys->Add('a');
    keys->Add('d');
    const CounterUse* last = nullptr;
    for (const Asked& one : asked_) {
      if (one.use != last) keys->Add('t', one.use->counter.view());
      last = one.use;
      descriptions->push_back(call_.describe ? call_.describe(one.use->counter, one.threshold)
                                             : "");
    }
  }

  // When each of the thresholds was told, if it was.
  void KeepTold(ReplyReader* reader) {
    for (const Asked& one : asked_) {
      const int64_t told_us = reader->Number();
      if (told_us == 0) continue;
      const WindowSpec& window = *one.use->window;
      const int64_t until_us = window.kind == WindowKind::kCalendar
                                   ? PeriodAt(window, now_us_).end_us
                                   : std::numeric_limits<int64_t>::max();
      store_->told_.Add(one.use->counter, one.threshold, told_us, until_us);
    }
  }

  void OnReply(std::unique_ptr<StoreStep> self, absl::StatusOr<redis::Reply> reply) {
    if (!reply.ok()) return done_(reply.status());
    ReplyReader reader(reply->text);
    const char code = reader.Byte();
    if ((code == 'P' || code == 'K' || code == 'T') && ++rounds_ < kMaxRounds) {
      if (code == 'P') {
        now_us_ = reader.Number();
        store_->Observe(now_us_);
      } else if (code == 'K') {
        KeepUnknown(reader.rest());
      } else {
        telling_ = true;
      }
      if (!reader.ok()) return done_(BadReply(Traits::kName));
      return Send(std::move(self));
    }
    Result result;
    bool stale_holds = false;
    if (!Traits::Read(code, &reader, call_, &result, &stale_holds) || !reader.ok()) {
      return done_(BadReply(Traits::kName));
    }
    if constexpr (Traits::kTells) {
      if (telling_ && code == 'A' && !reader.rest().empty()) KeepTold(&reader);
    }
    if (stale_holds && !swept_) return SweepAndSend(std::move(self));
    if (result.now_us != 0 && !result.replayed) store_->Observe(result.now_us);
    done_(std::move(result));
  }

  // A refusal that reservations past their end might explain ends those, and tries once more.
  void SweepAndSend(std::unique_ptr<StoreStep> self) {
    swept_ = true;
    const int partition = PartitionOf(Traits::Org(call_), store_->options_.partitions);
    store_->SweepPartition(partition, kSweepBatch, deadline_,
                           [self = std::move(self)](absl::StatusOr<int>) mutable {
                             StoreStep* raw = self.get();
                             raw->Send(std::move(self));
                           });
  }

  // Keeps the digests that no use names.
  void KeepUnknown(std::string_view digests) {
    held_elsewhere_.clear();
    for (size_t i = 0; i + 16 <= digests.size(); i += 16) {
      const std::string_view digest = digests.substr(i, 16);
      const bool known =
          std::any_of(call_.uses.begin(), call_.uses.end(),
                      [&](const CounterUse& use) { return use.counter.view() == digest; });
      if (!known) held_elsewhere_.append(digest);
    }
  }

  RedisCounterStore* const store_;
  const Call call_;
  const SteadyTime deadline_;
  StoreCallback<Result> done_;
  int64_t now_us_ = 0;
  // Digests of counters that the reservation holds and the call does not name: the policy or the
  // model changed since.
  std::string held_elsewhere_;
  int rounds_ = 0;
  bool swept_ = false;
  // Whether the call goes with the counters' marks; and the thresholds that it asks about.
  struct Asked {
    const CounterUse* use;
    int64_t threshold;
  };
  bool telling_ = false;
  std::vector<Asked> asked_;
};

}  // namespace quotaplane
