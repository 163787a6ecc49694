// Ending reservations without a charge: Release, and the sweep of those past their end; and the
// collection of dead counters.
#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/counters/redis/layout.h"
#include "libs/counters/redis/redis_counter_store.h"
#include "libs/counters/redis/replies.h"
#include "libs/counters/redis/scripts.h"

namespace quotaplane {

// One reservation being settled. The first round learns which counters it holds, the second has
// their keys.
class SettleStep {
 public:
  using Done = absl::AnyInvocable<void(absl::StatusOr<std::pair<char, int64_t>>)>;  // the script's
                                                                                    // code, its now

  static void Start(RedisCounterStore* store, int partition, std::string reservation, bool sweep,
                    SteadyTime deadline, Done done) {
    auto step = std::make_unique<SettleStep>(store, partition, std::move(reservation), sweep,
                                             deadline, std::move(done));
    SettleStep* raw = step.get();
    raw->Send(std::move(step));
  }

  SettleStep(RedisCounterStore* store, int partition, std::string reservation, bool sweep,
             SteadyTime deadline, Done done)
      : store_(store),
        partition_(partition),
        reservation_(std::move(reservation)),
        sweep_(sweep),
        deadline_(deadline),
        done_(std::move(done)) {}

 private:
  static constexpr int kMaxRounds = 4;

  void Send(std::unique_ptr<SettleStep> self) {
    KeyList keys(partition_);
    keys.Add('r', reservation_);
    for (size_t i = 0; i < digests_.size(); i += 16)
      keys.Add('c', std::string_view(digests_).substr(i, 16));
    keys.Add('x');
    std::string numbers;
    AppendDouble(&numbers, store_->ScriptNow());
    AppendDouble(&numbers,
                 static_cast<double>(absl::ToInt64Milliseconds(store_->options_.retention)));
    AppendDouble(&numbers, sweep_ ? 1 : 0);
    const std::vector<std::string_view>& views = keys.views();
    store_->client_->RunScript(
        GetCounterScripts().settle, views, {numbers, digests_}, deadline_,
        [self = std::move(self)](absl::StatusOr<redis::Reply> reply) mutable {
          SettleStep* raw = self.get();
          raw->OnReply(std::move(self), std::move(reply));
        });
  }

  void OnReply(std::unique_ptr<SettleStep> self, absl::StatusOr<redis::Reply> reply) {
    if (!reply.ok()) return done_(reply.status());
    ReplyReader reader(reply->text);
    const char code = reader.Byte();
    if (code == 'K' && ++rounds_ < kMaxRounds) {
      digests_ = std::string(reader.rest());
      return Send(std::move(self));
    }
    const int64_t now_us = reader.Number();
    if (!reader.ok() || code == 'K')
      return done_(absl::InternalError("malformed reply of the counter store to settle"));
    store_->Observe(now_us);
    done_(std::make_pair(code, now_us));
  }

  RedisCounterStore* const store_;
  const int partition_;
  const std::string reservation_;
  const bool sweep_;
  const SteadyTime deadline_;
  Done done_;
  std::string digests_;
  int rounds_ = 0;
};

void RedisCounterStore::Release(ReservationKey key, SteadyTime deadline,
                                StoreCallback<ReleaseResult> done) {
  const Digest digest = ReservationDigest(key.org, key.id);
  SettleStep::Start(
      this, PartitionOf(key.org, options_.partitions), std::string(digest.view()), /*sweep=*/false,
      deadline, [done = std::move(done)](absl::StatusOr<std::pair<char, int64_t>> reply) mutable {
        if (!reply.ok()) return done(reply.status());
        ReleaseResult result;
        result.now_us = reply->second;
        result.replayed = reply->first == 'r' || reply->first == 'e';
        switch (reply->first) {
          case 'R':
          case 'r':
            result.state = ReservationState::kReleased;
            break;
          case 'E':
          case 'e':
            result.state = ReservationState::kExpired;
            break;
          case 'C':
            result.state = ReservationState::kCommitted;
            break;
          default:
            result.state = ReservationState::kUnknown;
            break;
        }
        done(result);
      });
}

void RedisCounterStore::SweepPartition(int partition, int most, SteadyTime deadline,
                                       StoreCallback<int> done) {
  KeyList keys(partition);
  keys.Add('x');
  std::string numbers;
  AppendDouble(&numbers, ScriptNow());
  AppendDouble(&numbers, most);
  auto on_due = [this, partition, deadline,
                 done = std::move(done)](absl::StatusOr<redis::Reply> due) mutable {
    if (!due.ok()) return done(due.status());
    const size_t count = due->text.size() / 16;
    if (count == 0) return done(0);
    // Shared by the settlements under way; the last one reports. All callbacks run on the client's
    // one thread or, when refused at once, on the caller's: hence the atomics.
    struct Tally {
      std::atomic<size_t> waiting;
      std::atomic<int> ended = 0;
      StoreCallback<int> done;
    };
    auto tally = std::make_shared<Tally>();
    tally->waiting = count;
    tally->done = std::move(done);
    for (size_t i = 0; i < count; ++i) {
      SettleStep::Start(this, partition, due->text.substr(16 * i, 16), /*sweep=*/true, deadline,
                        [tally](absl::StatusOr<std::pair<char, int64_t>> reply) {
                          if (reply.ok() && reply->first == 'E') ++tally->ended;
                          if (--tally->waiting == 0) tally->done(tally->ended.load());
                        });
    }
  };
  client_->RunScript(GetCounterScripts().due, keys.views(), {numbers}, deadline, std::move(on_due));
}

void RedisCounterStore::CollectPartition(int partition, int most, SteadyTime deadline,
                                         StoreCallback<int> done) {
  KeyList list(partition);
  list.Add('g');
  const std::string list_key(list.views().front());
  const std::string last = absl::StrCat(most - 1);
  auto on_front = [this, partition, deadline,
                   done = std::move(done)](absl::StatusOr<redis::Reply> front) mutable {
    if (!front.ok()) return done(front.status());
    std::string digests;
    for (const redis::Reply& digest : front->elements) digests += digest.text;
    const int count = static_cast<int>(front->elements.size());
    if (count == 0) return done(0);
    KeyList keys(partition);
    keys.Add('g');
    for (char kind : {'c', 'w', 't'}) {
      for (const redis::Reply& digest : front->elements) keys.Add(kind, digest.text);
    }
    constexpr double kGraceUs = 3'600e6;
    std::string numbers;
    AppendDouble(&numbers, ScriptNow());
    AppendDouble(&numbers, kGraceUs);
    client_->RunScript(GetCounterScripts().collect, keys.views(), {numbers, digests}, deadline,
                       [count, done = std::move(done)](absl::StatusOr<redis::Reply> reply) mutable {
                         if (!reply.ok()) return done(reply.status());
                         done(reply->integer < 0 ? 0 : count);
                       });
  };
  client_->Call(list_key, {"LRANGE", list_key, "0", last}, deadline, std::move(on_front));
}

}  // namespace quotaplane
