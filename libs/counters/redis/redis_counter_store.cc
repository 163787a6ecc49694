#include "libs/counters/redis/redis_counter_store.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "libs/base/absl_view.h"
#include "libs/base/status_macros.h"
#include "libs/counters/redis/layout.h"
#include "libs/counters/redis/replies.h"
#include "libs/counters/redis/scripts.h"

namespace quotaplane {
namespace {

constexpr double kHoldOnly = 3;
// A call is made again at most this often: once for the period, once for keys, and once more if
// both changed again.
constexpr int kMaxRounds = 4;
// Reservations that one refusal ends, at most, before it tries again.
constexpr int kSweepBatch = 100;

int64_t SteadyNowUs() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

absl::Status BadReply(std::string_view step) {
  return absl::InternalError(
      absl::StrCat("malformed reply of the counter store to ", AbslView(step)));
}

void AppendBytes(std::string* out, uint64_t value) {
  out->append(reinterpret_cast<const char*>(&value), sizeof(value));
}

ReservationState StateOfCode(char code) {
  switch (code) {
    case 'C':
      return ReservationState::kCommitted;
    case 'R':
      return ReservationState::kReleased;
    case 'E':
      return ReservationState::kExpired;
    default:
      return ReservationState::kUnknown;
  }
}

}  // namespace

StoreClock::StoreClock()
    : offset_us_(absl::ToUnixMicros(absl::Now()) - SteadyNowUs()) {
}  // a first guess; a wrong one costs a round trip

int64_t StoreClock::EstimatedNowUs() const {
  return SteadyNowUs() + offset_us_.load(std::memory_order_relaxed);
}

void StoreClock::Observe(int64_t store_now_us) {
  offset_us_.store(store_now_us - SteadyNowUs(), std::memory_order_relaxed);
}

// One call of the store on its way: builds the script's keys and arguments, reads the reply, goes
// round again where the reply asks for it. Owns itself through the callback it hands to the client.
//
// Traits: Call, Result, kName, kKeyLetter (of KEYS[1]), Script(), Amount(use), Parameters(call)
// (four doubles), Prefix(call) (ARGV[2]), Ledger(call) (ARGV[4], or null), Read(code, reader, call,
// result) -> bool (whether the code was known), Org(call), Id(call).
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
  }

 private:
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
    for (const CounterUse& use : call_.uses) AddUse(use, &keys, &numbers, &digests);
    for (size_t i = 0; i < held_elsewhere_.size(); i += 16) {
      const std::string_view digest = std::string_view(held_elsewhere_).substr(i, 16);
      keys.Add('c', digest);
      digests.append(digest);
      for (double field : {kHoldOnly, 0.0, 0.0, 0.0, 0.0}) AppendDouble(&numbers, field);
    }
    keys.Add('x');
    keys.Add('g');
    keys.Add('o');
    for (const CounterUse& use : call_.uses) {
      if (use.window->kind == WindowKind::kSliding) keys.Add('w', use.counter.view());
    }
    const std::string prefix = Traits::Prefix(call_);
    std::vector<std::string_view> args = {numbers, prefix, digests};
    if (const std::string* ledger = Traits::Ledger(call_)) args.push_back(*ledger);
    const std::vector<std::string_view>& views = keys.views();
    store_->client_->RunScript(
        Traits::Script(), views, args, deadline_,
        [self = std::move(self)](absl::StatusOr<redis::Reply> reply) mutable {
          StoreStep* raw = self.get();
          raw->OnReply(std::move(self), std::move(reply));
        });
  }

  void AddUse(const CounterUse& use, KeyList* keys, std::string* numbers,
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
    AppendDouble(numbers, static_cast<double>(use.max_used));
    AppendDouble(numbers, a);
    AppendDouble(numbers, b);
  }

  void OnReply(std::unique_ptr<StoreStep> self, absl::StatusOr<redis::Reply> reply) {
    if (!reply.ok()) return done_(reply.status());
    ReplyReader reader(reply->text);
    const char code = reader.Byte();
    if ((code == 'P' || code == 'K') && ++rounds_ < kMaxRounds) {
      if (code == 'P') {
        now_us_ = reader.Number();
        store_->Observe(now_us_);
      } else {
        KeepUnknown(reader.rest());
      }
      if (!reader.ok()) return done_(BadReply(Traits::kName));
      return Send(std::move(self));
    }
    Result result;
    bool stale_holds = false;
    if (!Traits::Read(code, &reader, call_, &result, &stale_holds) || !reader.ok()) {
      return done_(BadReply(Traits::kName));
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
};

namespace {

struct ReserveTraits {
  using Call = ReserveCall;
  using Result = ReserveResult;
  static constexpr std::string_view kName = "reserve";
  static constexpr char kKeyLetter = 'r';
  static const redis::Script& Script() { return GetCounterScripts().reserve; }
  static int64_t Amount(const CounterUse& use) { return use.hold; }
  static const std::string& Org(const Call& call) { return call.key.org; }
  static const std::string& Id(const Call& call) { return call.key.id; }
  static std::array<double, 4> Parameters(const Call& call, absl::Duration) {
    return {static_cast<double>(call.ttl_us), static_cast<double>(call.cost_nano_usd),
            static_cast<double>(call.tokens), call.refuse ? 1.0 : 0.0};
  }
  static std::string Prefix(const Call& call) {
    std::string prefix;
    AppendBytes(&prefix, call.request_fingerprint);
    AppendBytes(&prefix, call.subject_fingerprint);
    return prefix;
  }
  static const std::string* Ledger(const Call&) { return nullptr; }

  static bool Read(char code, ReplyReader* reader, const Call& call, Result* result, bool* stale) {
    switch (code) {
      case 'A':
        result->now_us = reader->Number();
        result->expires_at_us = reader->Number();
        result->cost_nano_usd = call.cost_nano_usd;
        result->counters = ReadHeaders(reader, call.uses, result->now_us);
        for (size_t i = 0; i < call.uses.size(); ++i) {
          result->counters[i].held -= call.uses[i].hold;
        }
        return true;
      case 'a': {
        result->replayed = true;
        reader->Number();  // now
        result->expires_at_us = reader->Number();
        result->cost_nano_usd = reader->Number();
        result->now_us = reader->Number();  // of the first call
        result->counters = ReadReplay(reader, call.uses, result->now_us);
        return true;
      }
      case 'D':
        result->outcome = Result::Outcome::kRefused;
        result->counters = ReadRefusal(reader, call.uses, &result->now_us, stale);
        return true;
      case 'M':
        result->outcome = Result::Outcome::kMismatch;
        return true;
      case 'X':
        result->outcome = Result::Outcome::kEnded;
        result->state = StateOfCode(reader->Byte());
        return true;
      default:
        return false;
    }
  }
};

struct ExtendTraits {
  using Call = ExtendCall;
  using Result = ExtendResult;
  static constexpr std::string_view kName = "extend";
  static constexpr char kKeyLetter = 'r';
  static const redis::Script& Script() { return GetCounterScripts().extend; }
  static int64_t Amount(const CounterUse& use) { return use.hold; }
  static const std::string& Org(const Call& call) { return call.key.org; }
  static const std::string& Id(const Call& call) { return call.key.id; }
  static std::array<double, 4> Parameters(const Call& call, absl::Duration) {
    return {call.refuse ? -1.0 : static_cast<double>(call.ttl_us),
            static_cast<double>(call.cost_nano_usd), static_cast<double>(call.tokens),
            static_cast<double>(call.sequence)};
  }
  static std::string Prefix(const Call& call) {
    std::string prefix;
    AppendBytes(&prefix, call.request_fingerprint);
    AppendBytes(&prefix, call.subject_fingerprint);
    return prefix;
  }
  static const std::string* Ledger(const Call&) { return nullptr; }

  static bool Read(char code, ReplyReader* reader, const Call& call, Result* result, bool* stale) {
    switch (code) {
      case 'A':
      case 'a':
        result->replayed = code == 'a';
        result->now_us = reader->Number();
        result->expires_at_us = reader->Number();
        if (code == 'A') result->counters = ReadHeaders(reader, call.uses, result->now_us);
        return true;
      case 'D':
        result->outcome = Result::Outcome::kRefused;
        result->counters = ReadRefusal(reader, call.uses, &result->now_us, stale);
        return true;
      case 'M':
        result->outcome = Result::Outcome::kMismatch;
        return true;
      case 'O':
        result->outcome = Result::Outcome::kStale;
        return true;
      case 'S':
        result->outcome = Result::Outcome::kSubjectMismatch;
        return true;
      case 'X':
        result->outcome = Result::Outcome::kEnded;
        result->state = StateOfCode(reader->Byte());
        return true;
      default:
        return false;
    }
  }
};

struct CommitTraits {
  using Call = CommitCall;
  using Result = CommitResult;
  static constexpr std::string_view kName = "commit";
  static constexpr char kKeyLetter = 'r';
  static const redis::Script& Script() { return GetCounterScripts().commit; }
  static int64_t Amount(const CounterUse& use) { return use.charge; }
  static const std::string& Org(const Call& call) { return call.key.org; }
  static const std::string& Id(const Call& call) { return call.key.id; }
  static std::array<double, 4> Parameters(const Call& call, absl::Duration retention) {
    const int64_t remember_ms =
        std::max(call.remember_us / 1000, absl::ToInt64Milliseconds(retention));
    return {static_cast<double>(remember_ms), static_cast<double>(call.cost_nano_usd),
            static_cast<double>(call.tokens), call.record ? 1.0 : 0.0};
  }
  static std::string Prefix(const Call& call) {
    std::string prefix;
    AppendBytes(&prefix, call.usage_fingerprint);
    AppendBytes(&prefix, call.subject_fingerprint);
    return prefix;
  }
  static const std::string* Ledger(const Call& call) { return &call.ledger_record; }

  static bool Read(char code, ReplyReader* reader, const Call&, Result* result, bool*) {
    switch (code) {
      case 'A':
      case 'a':
      case 'M':
        result->replayed = code == 'a';
        if (code == 'M') result->outcome = Result::Outcome::kMismatch;
        ReadOutcome(reader, result);
        return true;
      case 'R':
        result->outcome = Result::Outcome::kReleased;
        return true;
      case 'H':
        result->outcome = Result::Outcome::kHeld;
        return true;
      case 'S':
        result->outcome = Result::Outcome::kSubjectMismatch;
        return true;
      default:
        return false;
    }
  }
};

struct AdjustTraits {
  using Call = AdjustCall;
  using Result = AdjustResult;
  static constexpr std::string_view kName = "adjust";
  static constexpr char kKeyLetter = 'j';
  static const redis::Script& Script() { return GetCounterScripts().adjust; }
  static int64_t Amount(const CounterUse& use) { return use.charge; }
  static const std::string& Org(const Call& call) { return call.key.org; }
  static const std::string& Id(const Call& call) { return call.key.id; }
  static std::array<double, 4> Parameters(const Call& call, absl::Duration retention) {
    const absl::Duration remember =
        call.remember_us > 0 ? absl::Microseconds(call.remember_us) : retention;
    return {static_cast<double>(absl::ToInt64Milliseconds(remember)), 0, 0, 0};
  }
  static std::string Prefix(const Call& call) {
    std::string prefix;
    AppendBytes(&prefix, call.fingerprint);
    return prefix;
  }
  static const std::string* Ledger(const Call&) { return nullptr; }

  static bool Read(char code, ReplyReader* reader, const Call&, Result* result, bool*) {
    if (code == 'M') {
      result->outcome = Result::Outcome::kMismatch;
      return true;
    }
    if (code != 'A' && code != 'a') return false;
    result->replayed = code == 'a';
    result->now_us = reader->Number();
    return true;
  }
};

struct ReadCall {
  ReservationKey key;  // the org places the counters; the id is empty and not looked at
  std::vector<CounterUse> uses;
};

struct ReadStepResult : ReadResult {
  bool replayed = false;
};

struct ReadTraits {
  using Call = ReadCall;
  using Result = ReadStepResult;
  static constexpr std::string_view kName = "read";
  static constexpr char kKeyLetter = 'r';
  static const redis::Script& Script() { return GetCounterScripts().read; }
  static int64_t Amount(const CounterUse& use) { return use.hold; }
  static const std::string& Org(const Call& call) { return call.key.org; }
  static const std::string& Id(const Call& call) { return call.key.id; }
  static std::array<double, 4> Parameters(const Call&, absl::Duration) { return {0, 0, 0, 0}; }
  static std::string Prefix(const Call&) { return {}; }
  static const std::string* Ledger(const Call&) { return nullptr; }
  static bool Read(char code, ReplyReader* reader, const Call& call, Result* result, bool*) {
    if (code != 'D') return false;
    bool ignored;  // a read changes nothing, not even what is overdue
    result->counters = ReadRefusal(reader, call.uses, &result->now_us, &ignored);
    return true;
  }
};

}  // namespace

RedisCounterStore::RedisCounterStore(redis::Client* client, RedisCounterStoreOptions options)
    : client_(client), options_(std::move(options)) {}

int64_t RedisCounterStore::EstimatedNowUs() const {
  return options_.test_clock ? options_.test_clock() : clock_.EstimatedNowUs();
}

double RedisCounterStore::ScriptNow() const {
  return options_.test_clock ? static_cast<double>(options_.test_clock()) : 0;
}

void RedisCounterStore::Observe(int64_t store_now_us) { clock_.Observe(store_now_us); }

void RedisCounterStore::Reserve(ReserveCall call, SteadyTime deadline,
                                StoreCallback<ReserveResult> done) {
  StoreStep<ReserveTraits>::Start(this, std::move(call), deadline, std::move(done));
}

void RedisCounterStore::Extend(ExtendCall call, SteadyTime deadline,
                               StoreCallback<ExtendResult> done) {
  StoreStep<ExtendTraits>::Start(this, std::move(call), deadline, std::move(done));
}

void RedisCounterStore::Commit(CommitCall call, SteadyTime deadline,
                               StoreCallback<CommitResult> done) {
  StoreStep<CommitTraits>::Start(this, std::move(call), deadline, std::move(done));
}

void RedisCounterStore::Adjust(AdjustCall call, SteadyTime deadline,
                               StoreCallback<AdjustResult> done) {
  StoreStep<AdjustTraits>::Start(this, std::move(call), deadline, std::move(done));
}

void RedisCounterStore::Read(std::string_view org, std::vector<CounterUse> uses,
                             SteadyTime deadline, StoreCallback<ReadResult> done) {
  StoreStep<ReadTraits>::Start(
      this, ReadCall{{std::string(org), ""}, std::move(uses)}, deadline,
      [done = std::move(done)](absl::StatusOr<ReadStepResult> result) mutable {
        if (!result.ok()) return done(result.status());
        done(ReadResult(std::move(*result)));
      });
}

absl::Status RedisCounterStore::CheckDeployment(absl::Duration timeout, std::string* warning) {
  constexpr std::string_view kKey = "{quotaplane}partitions";
  const std::string mine = absl::StrCat(options_.partitions);
  QP_RETURN_IF_ERROR(
      redis::CallAndWait(*client_, kKey, {"SET", kKey, mine, "NX"}, timeout).status());
  QP_ASSIGN_OR_RETURN(const redis::Reply stored,
                      redis::CallAndWait(*client_, kKey, {"GET", kKey}, timeout));
  if (stored.text != mine) {
    return absl::FailedPreconditionError(absl::StrCat(
        "this Redis was set up with ", stored.text, " partitions and cannot be used with ", mine,
        ": the number is fixed at the first start of a deployment"));
  }
  QP_ASSIGN_OR_RETURN(const redis::Reply time,
                      redis::CallAndWait(*client_, kKey, {"TIME"}, timeout));
  int64_t seconds = 0, micros = 0;
  if (time.elements.size() != 2 || !absl::SimpleAtoi(time.elements[0].text, &seconds) ||
      !absl::SimpleAtoi(time.elements[1].text, &micros)) {
    return BadReply("TIME");
  }
  Observe(seconds * 1'000'000 + micros);
  warning->clear();
  // Managed servers may forbid CONFIG; then there is nothing to warn about.
  const absl::StatusOr<redis::Reply> policy =
      redis::CallAndWait(*client_, kKey, {"CONFIG", "GET", "maxmemory-policy"}, timeout);
  if (policy.ok() && policy->elements.size() == 2 &&
      policy->elements[1].text.starts_with("allkeys")) {
    *warning =
        absl::StrCat("Redis may evict counters (maxmemory-policy is ", policy->elements[1].text,
                     "): caps would be lifted without notice; set it to noeviction");
  }
  return absl::OkStatus();
}

}  // namespace quotaplane
