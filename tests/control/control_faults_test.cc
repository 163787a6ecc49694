// Changes of policies and keys at real servers: while calls run, while the store is away, and when
// it lost everything.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/base/mutex.h"
#include "libs/keys/virtual_key.h"
#include "libs/policy/policy_builder.h"
#include "libs/testing/poll_until.h"
#include "libs/testing/redis_server.h"
#include "libs/testing/temp_dir.h"
#include "services/control/item_convert.h"
#include "tests/control/control_database.h"
#include "tests/e2e/quota_client.h"
#include "tests/e2e/server_process.h"

namespace quotaplane {
namespace {

using fixtures::Answer;
using fixtures::ControlDatabase;
using fixtures::QuotaClient;
using fixtures::ServerProcess;
using fixtures::ServerProcessOptions;

constexpr absl::Duration kAmple = absl::Seconds(30);

class ControlFaultsTest : public testing::Test {
 protected:
  ServerProcessOptions Options() const {
    ServerProcessOptions options;
    options.roles = "quota";
    options.redis = redis_.unix_url();
    return options;
  }

  // Of org acme: so many requests a day for each user. Where the store is away it refuses.
  void WritePolicy(int64_t amount) {
    PolicyDocument document;
    document.limits = {DailyLimit("own-limit", {"user"}, amount)};
    database_.Write({{PolicyItemName("acme"), codec_.EncodePolicy("acme", ++version_, document)}});
  }
  void WriteKey(const NewSecret& secret, bool revoked) {
    VirtualKey key;
    key.id = secret.id;
    key.org = "acme";
    key.user = absl::StrCat("holder-", secret.id);
    key.hash = secret.hash;
    key.revoked = revoked;
    database_.Write({{KeyItemName(key.id), codec_.EncodeKey(key)}});
  }

  static v1::ReserveRequest ByKey(const std::string& id, const std::string& text) {
    v1::Subject subject;
    subject.set_model("tester");
    v1::ReserveRequest request = fixtures::ReserveOf(id, subject, {1, 1});
    request.set_key(text);
    return request;
  }
  Answer<v1::ReserveResponse> ReserveAsAlice(const QuotaClient& client) {
    return client.Call(fixtures::ReserveOf(absl::StrCat("alice/", ++calls_),
                                           fixtures::SubjectOf("search", "alice"), {1, 1}));
  }
  // Whether the own policy's limit refuses, whatever for.
  bool OwnLimitRefuses(const QuotaClient& client) {
    const auto answer = ReserveAsAlice(client);
    EXPECT_TRUE(answer.ok()) << answer.status.error_message();
    return answer.response.decision() == v1::DECISION_DENY &&
           answer.response.exceeded_size() == 1 &&
           answer.response.exceeded(0).limit_id() == "own-limit";
  }

  const fixtures::TempDir dir_;
  fixtures::RedisServer redis_;
  const ProtoItemCodec codec_;
  ControlDatabase database_{absl::StrCat("sqlite:", dir_.File("control.db")), redis_.unix_url()};
  int64_t version_ = 0;
  std::atomic<int64_t> calls_ = 0;
};

// One call as its caller saw it.
struct Seen {
  absl::Time begin;
  std::string reason;  // empty: it was decided
};

class KeyCalls {
 public:
  KeyCalls(const std::string& address, const std::string& name, const std::string& text,
           v1::ReserveRequest (*make)(const std::string&, const std::string&))
      : client_(address), thread_([this, name, text, make] {
          for (int64_t i = 0; !stop_; ++i) {
            const absl::Time begin = absl::Now();
            const auto answer = client_.Call(make(absl::StrCat(name, "/", i), text));
            std::string reason;
            if (!answer.ok()) {
              reason = fixtures::ReasonOf(answer.status);
              if (reason.empty()) reason = "error: " + answer.status.error_message();
            }
            MutexLock lock(mutex_);
            seen_.push_back({begin, std::move(reason)});
          }
        }) {}
  ~KeyCalls() { Stop(); }

  void Stop() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
  }
  std::vector<Seen> seen() const {
    MutexLock lock(mutex_);
    return seen_;
  }

 private:
  const QuotaClient client_;
  std::atomic<bool> stop_ = false;
  mutable Mutex mutex_;
  std::vector<Seen> seen_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

TEST_F(ControlFaultsTest, AKeyRevokedWhileCallsRun) {
  const NewSecret revoked = MakeKey();
  const NewSecret other = MakeKey();
  WriteKey(revoked, false);
  WriteKey(other, false);
  const ServerProcess first(Options());
  const ServerProcess second(Options());
  database_.WaitForReplicas(2);

  std::vector<std::unique_ptr<KeyCalls>> by_revoked, by_other;
  for (const ServerProcess* server : {&first, &second}) {
    for (int i = 0; i < 2; ++i) {
      const std::string name = absl::StrCat(server->address(), "/", i);
      by_revoked.push_back(std::make_unique<KeyCalls>(server->address(), "r" + name, revoked.text,
                                                      &ControlFaultsTest::ByKey));
      by_other.push_back(std::make_unique<KeyCalls>(server->address(), "o" + name, other.text,
                                                    &ControlFaultsTest::ByKey));
    }
  }
  const auto all_seen = [&](size_t count) {
    return fixtures::PollUntil(kAmple, [&] {
      for (const auto* calls : {&by_revoked, &by_other}) {
        for (const auto& one : *calls) {
          if (one->seen().size() < count) return false;
        }
      }
      return true;
    });
  };
  ASSERT_TRUE(all_seen(20));
  const absl::Time before = absl::Now();
  WriteKey(revoked, true);
  const absl::Time after = absl::Now();
  // Until every caller has begun calls well after the second that a revocation may take.
  ASSERT_TRUE(fixtures::PollUntil(kAmple, [&] {
    for (const auto& calls : by_revoked) {
      if (calls->seen().back().begin < after + absl::Milliseconds(1'300)) return false;
    }
    return true;
  }));
  for (const auto& calls : by_revoked) {
    calls->Stop();
    for (const Seen& seen : calls->seen()) {
      if (seen.begin >= after + absl::Seconds(1)) {
        EXPECT_EQ(seen.reason, "KEY_REVOKED") << seen.begin - after << " after it";
      } else if (!seen.reason.empty()) {
        // A call that begins just before may be decided just after.
        EXPECT_EQ(seen.reason, "KEY_REVOKED");
        EXPECT_GE(seen.begin, before - absl::Seconds(1));
      }
    }
  }
  for (const auto& calls : by_other) {
    calls->Stop();
    for (const Seen& seen : calls->seen()) EXPECT_EQ(seen.reason, "");
  }
}

TEST_F(ControlFaultsTest, AReplicaThatStartsWhileTheStoreIsAwayUsesItsDisk) {
  const NewSecret good = MakeKey();
  const NewSecret ended = MakeKey();
  WriteKey(good, false);
  WriteKey(ended, true);
  WritePolicy(1'000);
  ServerProcess server(Options());
  database_.WaitForReplicas(1);
  const QuotaClient client(server.address());
  EXPECT_FALSE(OwnLimitRefuses(client));
  server.Kill();
  redis_.Stop();

  const size_t printed = server.Log().size();
  server.Start();
  const std::string log = server.Log().substr(printed);
  EXPECT_TRUE(absl::StrContains(log, "control state from disk: change 3, 3 items")) << log;
  // The limit of the policy on disk says what becomes of calls now; without it, none would.
  client.WaitForServer(kAmple);
  EXPECT_TRUE(OwnLimitRefuses(client));
  const auto by_good = client.Call(ByKey("good", good.text));
  EXPECT_TRUE(by_good.ok()) << by_good.status.error_message();
  EXPECT_EQ(fixtures::ReasonOf(client.Call(ByKey("ended", ended.text)).status), "KEY_REVOKED");

  // The board did not survive; what was changed meanwhile is there all the same.
  redis_.Start();
  EXPECT_TRUE(fixtures::PollUntil(kAmple, [&] { return !OwnLimitRefuses(client); }));
  WriteKey(good, true);
  database_.WaitForReplicas(1);
  EXPECT_EQ(fixtures::ReasonOf(client.Call(ByKey("good-2", good.text)).status), "KEY_REVOKED");
}

TEST_F(ControlFaultsTest, AStoreThatLostEverythingTakesNoPolicyAway) {
  WritePolicy(0);
  const ServerProcess server(Options());
  database_.WaitForReplicas(1);
  const QuotaClient client(server.address());
  ASSERT_TRUE(OwnLimitRefuses(client));
  std::atomic<bool> stop = false;
  std::thread asking([&] {
    while (!stop) EXPECT_TRUE(OwnLimitRefuses(client));
  });
  for (int i = 0; i < 3; ++i) {
    redis_.Command({"FLUSHALL"});
    database_.WaitForReplicas(1);
  }
  stop = true;
  asking.join();
  WritePolicy(10);
  EXPECT_TRUE(fixtures::PollUntil(kAmple, [&] { return !OwnLimitRefuses(client); }));
}

}  // namespace
}  // namespace quotaplane
