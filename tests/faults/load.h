// Gateways at work: clients that reserve and commit, over and over, whatever happens to the server
// and its store, and keep books of what they were told. At the end the server's books are compared
// with theirs, to the last nano-USD.
//
// Of what they demand throughout: every call is answered before its deadline, and with an error
// only where the test has taken the server away.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "libs/testing/redis_server.h"
#include "tests/e2e/quota_client.h"

namespace quotaplane::fixtures {

// Limits that admit whatever comes and count everything: for the teams open-1 and open-2 with
// on_outage allow, for strict-1 and strict-2 with on_outage deny.
extern const char kLoadPolicy[];

struct LoadOptions {
  int clients = 16;
  absl::Duration deadline = absl::Milliseconds(500);
  // Errors UNAVAILABLE are expected at times: the test kills or drains the server.
  bool server_goes_away = false;
  uint64_t seed = 1;
};

// What has happened so far, by all clients.
struct LoadCounts {
  int64_t pairs = 0;           // reserved and committed, acknowledged, counted by the store
  int64_t outage_allowed = 0;  // reserves admitted by on_outage: allow
  int64_t outage_denied = 0;   // refused by on_outage: deny
  int64_t spooled = 0;         // commits acknowledged by the spool
  int64_t unavailable = 0;     // errors, as they may be where the server goes away
};

class Load {
 public:
  // Begins at once. The addresses are those of servers on one store.
  Load(std::vector<std::string> addresses, LoadOptions options);
  ~Load();

  LoadCounts counts() const;
  // Waits until `more` more of that has happened; a test fails if that takes over 30 s.
  void WaitForMore(int64_t LoadCounts::*what, int64_t more = 200);

  // Stops the clients; then repeats every commit that was not acknowledged until it is, and gives
  // back the holds of reserves whose fate is unknown.
  void Settle();
  // After Settle: waits until the server's books are the clients' (what is in a spool takes its
  // time), holds nothing, and stays so. `redis`, if given, has each commit once in its outbox.
  void ExpectBooksBalance(const RedisServer* redis = nullptr);

  // After Settle: what was acknowledged, by team.
  struct Book {
    int64_t commits = 0;
    int64_t nano_usd = 0;
    friend bool operator==(const Book&, const Book&) = default;
  };
  std::map<std::string, Book> Acknowledged() const;

  // Latencies of all calls that began at or after `since`, ascending.
  std::vector<absl::Duration> LatenciesSince(absl::Time since) const;
  // Commits acknowledged at or after `since` are made again, as by a gateway that does not trust
  // the store to have kept them. After Settle.
  void RepeatCommitsSince(absl::Time since);

 private:
  void Run(int number);
  // One reservation and its commit; false where it did not come to that.
  bool Pair(const QuotaClient& client, const std::string& id, std::mt19937_64* random);
  bool Reserved(const QuotaClient& client, const v1::ReserveRequest& request);
  bool Committed(const QuotaClient& client, const v1::CommitRequest& request);
  // Calls with the deadline, and keeps the latency.
  template <typename Request>
  Answer<typename MethodOf<Request>::Response> Ask(const QuotaClient& client,
                                                   const Request& request);
  // False, always: an error that may be.
  bool Unavailable(const grpc::Status& status);
  // What differs between the server's books and the clients'; empty: nothing.
  std::string Difference() const;

  const LoadOptions options_;
  std::vector<std::unique_ptr<QuotaClient>> clients_;
  std::atomic<bool> stop_ = false;
  mutable absl::Mutex mutex_;
  LoadCounts counts_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::pair<absl::Time, absl::Duration>> latencies_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::pair<absl::Time, v1::CommitRequest>> acknowledged_ ABSL_GUARDED_BY(mutex_);
  std::vector<v1::CommitRequest> unacknowledged_ ABSL_GUARDED_BY(mutex_);
  std::vector<v1::ReleaseRequest> unknown_holds_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::thread> threads_;
};

}  // namespace quotaplane::fixtures
