#include "libs/counters/redis/redis_counter_store.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/counters/redis/layout.h"
#include "libs/counters/redis/replies.h"
#include "libs/counters/redis/scripts.h"
#include "libs/counters/redis/store_step.h"

namespace quotaplane {
namespace {

int64_t SteadyNowUs() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
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

namespace {

struct ReserveTraits {
  static constexpr bool kTells = false;
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
  static constexpr bool kTells = false;
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
  static constexpr bool kTells = true;
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
  static std::string_view Ledger(const Call& call) { return call.ledger_record; }

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
  static constexpr bool kTells = false;
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

struct TellTraits {
  static constexpr bool kTells = true;
  using Call = TellRefusedCall;
  struct Result : TellRefusedResult {
    bool replayed = false;
  };
  static constexpr std::string_view kName = "tell";
  static constexpr char kKeyLetter = 'r';
  static const redis::Script& Script() { return GetCounterScripts().tell; }
  static int64_t Amount(const CounterUse& use) { return use.hold; }
  static const std::string& Org(const Call& call) { return call.org; }
  static std::string_view Id(const Call&) { return {}; }
  static std::array<double, 4> Parameters(const Call&, absl::Duration) { return {0, 0, 0, 0}; }
  static std::string Prefix(const Call&) { return {}; }
  static std::string_view Ledger(const Call&) { return {}; }
  static bool Read(char code, ReplyReader* reader, const Call&, Result* result, bool*) {
    if (code != 'A') return false;
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
  static constexpr bool kTells = false;
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

void RedisCounterStore::TellRefused(TellRefusedCall call, SteadyTime deadline,
                                    StoreCallback<TellRefusedResult> done) {
  const std::vector<uint32_t> known =
      told_.Known(call.uses, EstimatedNowUs(), /*for_refusal=*/true);
  for (size_t i = 0; i < known.size(); ++i) {
    auto& thresholds = call.uses[i].thresholds;
    for (size_t bit = std::min(thresholds.size(), kMaxThresholdsPerCounter); bit-- > 0;) {
      if ((known[i] >> bit & 1) != 0) thresholds.erase(thresholds.begin() + bit);
    }
  }
  std::erase_if(call.uses, [](const CounterUse& use) { return use.thresholds.empty(); });
  if (call.uses.empty()) return done(TellRefusedResult{});
  StoreStep<TellTraits>::Start(
      this, std::move(call), deadline,
      [done = std::move(done)](absl::StatusOr<TellTraits::Result> result) mutable {
        if (!result.ok()) return done(result.status());
        done(TellRefusedResult(*result));
      });
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
