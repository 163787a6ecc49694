#include "tests/faults/load.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/testing/poll_until.h"
#include "tests/e2e/store_view.h"

namespace quotaplane::fixtures {
namespace {

const char* const kTeams[] = {"open-1", "open-2", "strict-1", "strict-2"};
constexpr absl::Duration kPatience = absl::Seconds(30);

// "open" or "strict".
std::string KindOf(const std::string& team) { return team.substr(0, team.find('-')); }

// What a team has used, as its limits count it.
struct Sums {
  int64_t nano_usd = 0;
  int64_t requests = 0;
  int64_t tokens = 0;
};

Tokens TokensOf(const v1::CommitRequest& request) {
  const auto& meters = request.attempts(0).usage().meters();
  const auto quantity = [&](const char* meter) {
    const auto found = meters.find(meter);
    return found != meters.end() ? found->second : 0;
  };
  return {quantity("input"), quantity("output")};
}

}  // namespace

const char kLoadPolicy[] = R"(limits:
  - {id: open-usd, per: [team], when: {team: open-*}, unit: usd, amount: 9000000, window: lifetime, on_outage: allow}
  - {id: open-requests, per: [team], when: {team: open-*}, unit: requests, amount: 9000000, window: 24h, on_outage: allow}
  - {id: open-tokens, per: [team], when: {team: open-*}, unit: total_tokens, amount: 900000000, window: year, on_outage: allow}
  - {id: strict-usd, per: [team], when: {team: strict-*}, unit: usd, amount: 9000000, window: lifetime, on_outage: deny}
  - {id: strict-requests, per: [team], when: {team: strict-*}, unit: requests, amount: 9000000, window: 24h, on_outage: allow}
  - {id: strict-tokens, per: [team], when: {team: strict-*}, unit: total_tokens, amount: 900000000, window: year, on_outage: deny}
)";

Load::Load(std::vector<std::string> addresses, LoadOptions options) : options_(options) {
  for (const std::string& address : addresses) {
    clients_.push_back(std::make_unique<QuotaClient>(address, NoConnection::kFail));
  }
  for (int i = 0; i < options_.clients; ++i) threads_.emplace_back([this, i] { Run(i); });
}

Load::~Load() {
  stop_ = true;
  for (std::thread& thread : threads_) thread.join();
}

void Load::Run(int number) {
  std::mt19937_64 random(options_.seed + number);
  const QuotaClient& client = *clients_[number % clients_.size()];
  for (int64_t round = 0; !stop_; ++round) {
    // A gateway does not hammer a server that is not there.
    if (!Pair(client, absl::StrCat(number, "-", round), &random)) {
      client.WaitForServer(absl::Milliseconds(100));
    }
  }
}

bool Load::Pair(const QuotaClient& client, const std::string& id, std::mt19937_64* random) {
  const auto any = [&](int64_t from, int64_t to) {
    return std::uniform_int_distribution<int64_t>(from, to)(*random);
  };
  const v1::Subject subject = SubjectOf(kTeams[any(0, 3)]);
  const Tokens estimate{any(1, 1000), any(1, 1000)};
  if (!Reserved(client, ReserveOf(id, subject, estimate))) return false;
  // Sometimes more than was reserved.
  return Committed(client, CommitOf(id, subject, {any(0, estimate.input), any(1, 1100)}));
}

// Whether to go on and commit.
bool Load::Reserved(const QuotaClient& client, const v1::ReserveRequest& request) {
  const auto answer = Ask(client, request);
  const v1::ReserveResponse& response = answer.response;
  absl::MutexLock lock(&mutex_);
  if (!answer.ok() || response.outage()) {
    unknown_holds_.push_back(ReleaseOf(request.reservation_id(), request.subject()));
  }
  if (!answer.ok()) return Unavailable(answer.status);
  const bool strict = KindOf(request.subject().team()) == "strict";
  EXPECT_EQ(response.decision(),
            response.outage() && strict ? v1::DECISION_DENY : v1::DECISION_ALLOW)
      << response.ShortDebugString();
  EXPECT_EQ(response.has_expires_at(), !response.outage());
  if (!response.outage()) return true;
  if (!strict) {
    ++counts_.outage_allowed;
    unknown_holds_.pop_back();  // its commit ends the hold, if there is one
    return true;
  }
  ++counts_.outage_denied;
  // By those limits that say deny, and only those.
  EXPECT_EQ(response.exceeded_size(), 2);
  for (const v1::Exceeded& exceeded : response.exceeded()) {
    EXPECT_EQ(exceeded.cause(), v1::CAUSE_STORE_UNAVAILABLE);
    EXPECT_NE(exceeded.limit_id(), "strict-requests");
  }
  return false;
}

bool Load::Committed(const QuotaClient& client, const v1::CommitRequest& request) {
  const absl::Time start = absl::Now();
  const auto answer = Ask(client, request);
  absl::MutexLock lock(&mutex_);
  if (!answer.ok()) {
    unacknowledged_.push_back(request);
    return Unavailable(answer.status);
  }
  EXPECT_EQ(answer.response.cost_nano_usd(), TokensOf(request).cost_nano_usd());
  acknowledged_.emplace_back(start, request);
  ++(answer.response.spooled() ? counts_.spooled : counts_.pairs);
  return true;
}

template <typename Request>
Answer<typename MethodOf<Request>::Response> Load::Ask(const QuotaClient& client,
                                                       const Request& request) {
  const absl::Time start = absl::Now();
  auto answer = client.Call(request, options_.deadline);
  absl::MutexLock lock(&mutex_);
  latencies_.emplace_back(start, answer.latency);
  return answer;
}

bool Load::Unavailable(const grpc::Status& status) {
  // CANCELLED: the call met a server that had begun to shut down, before the client had learnt of
  // it.
  const bool gone = status.error_code() == grpc::StatusCode::UNAVAILABLE ||
                    status.error_code() == grpc::StatusCode::CANCELLED;
  EXPECT_TRUE(options_.server_goes_away && gone)
      << status.error_code() << ": " << status.error_message();
  mutex_.AssertHeld();
  ++counts_.unavailable;
  return false;
}

LoadCounts Load::counts() const {
  absl::MutexLock lock(&mutex_);
  return counts_;
}

void Load::WaitForMore(int64_t LoadCounts::*what, int64_t more) {
  absl::MutexLock lock(&mutex_);
  const int64_t enough = counts_.*what + more;
  const auto reached = [&] { return counts_.*what >= enough; };
  EXPECT_TRUE(mutex_.AwaitWithTimeout(absl::Condition(&reached), kPatience))
      << "still " << counts_.*what << ", not " << enough;
}

void Load::Settle() {
  stop_ = true;
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  const QuotaClient& client = *clients_.front();
  absl::MutexLock lock(&mutex_);
  for (const v1::CommitRequest& request : unacknowledged_) {
    const bool acknowledged = PollUntil(kPatience, [&] { return client.Call(request).ok(); });
    EXPECT_TRUE(acknowledged) << request.ShortDebugString();
    acknowledged_.emplace_back(absl::Now(), request);
  }
  for (const v1::ReleaseRequest& request : unknown_holds_) {
    grpc::Status status;
    PollUntil(kPatience, [&] {
      status = client.Call(request).status;
      return status.ok() || status.error_code() == grpc::StatusCode::NOT_FOUND;
    });
    EXPECT_TRUE(status.ok() || ReasonOf(status) == "RESERVATION_UNKNOWN") << status.error_message();
  }
  unacknowledged_.clear();
  unknown_holds_.clear();
}

std::string Load::Difference() const {
  std::map<std::string, Sums> sums;
  absl::MutexLock lock(&mutex_);
  for (const auto& [start, request] : acknowledged_) {
    Sums& team = sums[request.subject().team()];
    team.nano_usd += TokensOf(request).cost_nano_usd();
    team.requests += 1;
    team.tokens += TokensOf(request).total();
  }
  std::string difference;
  for (const char* team : kTeams) {
    const auto usage = clients_.front()->Call(GetUsageOf(SubjectOf(team)));
    if (!usage.ok()) return "GetUsage: " + usage.status.error_message();
    const auto compare = [&](const char* unit, int64_t expected) {
      const v1::LimitUsage limit = LimitIn(usage.response, absl::StrCat(KindOf(team), "-", unit));
      if (limit.used() == expected && limit.held() == 0) return;
      absl::StrAppend(&difference, team, " ", unit, ": used ", limit.used(), " of which held ",
                      limit.held(), ", not ", expected, "\n");
    };
    compare("usd", sums[team].nano_usd);
    compare("requests", sums[team].requests);
    compare("tokens", sums[team].tokens);
  }
  return difference;
}

void Load::ExpectBooksBalance(const RedisServer* redis) {
  PollUntil(kPatience, [&] { return Difference().empty(); });
  // Three rounds of whoever might still want to charge something.
  PollUntil(absl::Milliseconds(300), [&] { return !Difference().empty(); });
  EXPECT_EQ(Difference(), "");
  absl::MutexLock lock(&mutex_);
  EXPECT_FALSE(acknowledged_.empty());
  if (redis != nullptr) {
    EXPECT_EQ(OutboxLength(*redis), static_cast<int64_t>(acknowledged_.size()));
  }
}

std::map<std::string, Load::Book> Load::Acknowledged() const {
  std::map<std::string, Book> books;
  absl::MutexLock lock(&mutex_);
  for (const auto& [start, request] : acknowledged_) {
    Book& book = books[request.subject().team()];
    ++book.commits;
    book.nano_usd += TokensOf(request).cost_nano_usd();
  }
  return books;
}

std::vector<absl::Duration> Load::LatenciesSince(absl::Time since) const {
  std::vector<absl::Duration> latencies;
  absl::MutexLock lock(&mutex_);
  for (const auto& [start, latency] : latencies_) {
    if (start >= since) latencies.push_back(latency);
  }
  std::sort(latencies.begin(), latencies.end());
  return latencies;
}

void Load::RepeatCommitsSince(absl::Time since) {
  absl::MutexLock lock(&mutex_);
  for (const auto& [start, request] : acknowledged_) {
    if (start < since) continue;
    const auto again = clients_.front()->Call(request);
    EXPECT_TRUE(again.ok()) << again.status.error_message();
  }
}

}  // namespace quotaplane::fixtures
