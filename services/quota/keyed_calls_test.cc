// Calls by virtual key on a real server over a real Redis: who is charged, who is refused, and that
// no key is kept or sent back.
#include <google/rpc/error_details.pb.h>
#include <google/rpc/status.pb.h>
#include <gtest/gtest.h>
#include <quotaplane/v1/quota.grpc.pb.h>

#include <atomic>

#include "absl/strings/match.h"
#include "libs/auth/authenticator.h"
#include "libs/auth/token.h"
#include "libs/config/policy_reader.h"
#include "libs/config/price_book_reader.h"
#include "libs/counters/redis/redis_counter_store.h"
#include "libs/counters/redis/scripts.h"
#include "libs/redis/client.h"
#include "libs/testing/redis_server.h"
#include "services/quota/charge_convert.h"
#include "services/quota/quota_server.h"

namespace quotaplane {
namespace {

constexpr int64_t kNowUs = 1'775'000'000'000'000;
constexpr char kPolicy[] = R"(
defaults: {on_outage: deny}
limits:
  - {id: key-day, per: [api_key], unit: usd, amount: 1, window: day}
  - {id: team-day, per: [team], unit: usd, amount: 5, window: day}
)";

// Nothing is spooled here.
class NoSpool : public ChargeSpool {
 public:
  void Append(std::string, absl::AnyInvocable<void(absl::Status)> done) override {
    done(absl::ResourceExhaustedError("no spool"));
  }
};

class KeyedCallsTest : public testing::Test {
 protected:
  KeyedCallsTest()
      : client_(*redis::Client::Start(RedisOptions(), GetCounterScripts().all())),
        store_(client_.get(), StoreOptions()),
        snapshots_({std::make_shared<const PolicySet>(*ParsePolicy(kPolicy, "policy.yaml")),
                    DefaultPriceBook()}),
        admission_(&store_, &snapshots_, &spool_, &codec_, &refusals_) {
    EXPECT_TRUE(client_->WaitReady(absl::Seconds(20)).ok());
    Put([](VirtualKey*) {});
    QuotaServerOptions options;
    options.listen = "127.0.0.1:0";
    options.store_timeout = absl::Seconds(10);
    server_ = *QuotaServer::Start(&admission_, &ring_, options);
    stub_ = v1::QuotaService::NewStub(
        grpc::CreateChannel(server_->address(), grpc::InsecureChannelCredentials()));
  }

  redis::ClientOptions RedisOptions() const {
    redis::ClientOptions options;
    options.url = redis_.unix_url();
    return options;
  }
  RedisCounterStoreOptions StoreOptions() {
    RedisCounterStoreOptions options;
    options.test_clock = [this] { return now_us_.load(); };
    return options;
  }
  void Put(const std::function<void(VirtualKey*)>& change) {
    VirtualKey key;
    key.id = fresh_.id;
    key.org = "acme";
    key.team = "search";
    key.models.emplace_back("claude-*");
    key.hash = fresh_.hash;
    change(&key);
    ring_.Put(std::move(key));
  }

  v1::ReserveRequest Reserve(const std::string& id,
                             const std::string& model = "claude-sonnet-4-5") const {
    v1::ReserveRequest request;
    request.set_reservation_id(id);
    request.set_key(fresh_.text);
    request.mutable_subject()->set_model(model);
    (*request.mutable_estimate()->mutable_meters())["output"] = 10'000;
    return request;
  }
  template <typename Method, typename Request, typename Response>
  grpc::Status Call(Method method, const Request& request, Response* response) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    grpc::Status status = (stub_.get()->*method)(&context, request, response);
    const std::string secret = fresh_.text.substr(21);
    EXPECT_FALSE(absl::StrContains(status.error_message(), secret));
    EXPECT_FALSE(absl::StrContains(status.error_details(), secret));
    EXPECT_FALSE(absl::StrContains(response->SerializeAsString(), secret));
    return status;
  }
  grpc::Status Call(const v1::ReserveRequest& request, v1::ReserveResponse* response) {
    return Call(&v1::QuotaService::Stub::Reserve, request, response);
  }

  static std::string ReasonOf(const grpc::Status& status) {
    google::rpc::Status details;
    google::rpc::ErrorInfo info;
    if (!details.ParseFromString(status.error_details())) return "no details";
    for (const google::protobuf::Any& detail : details.details()) {
      if (detail.UnpackTo(&info)) return info.reason();
    }
    return "no reason";
  }

  const NewSecret fresh_ = MakeKey();
  std::atomic<int64_t> now_us_ = kNowUs;
  // A dump shows what is kept as it is.
  fixtures::RedisServer redis_{{.config = {"rdbcompression no"}}};
  std::unique_ptr<redis::Client> client_;
  RedisCounterStore store_;
  SnapshotHolder snapshots_;
  const LedgerCodec codec_;
  NoSpool spool_;
  RefusalCounts refusals_;
  Admission admission_;
  KeyRing ring_;
  std::unique_ptr<QuotaServer> server_;
  std::unique_ptr<v1::QuotaService::Stub> stub_;
};

// The key says whose request it is, and an alert has frozen that team.
TEST_F(KeyedCallsTest, WhatAnAlertFrozeIsRefusedUntilItEnds) {
  v1::ReserveResponse before;
  ASSERT_TRUE(Call(Reserve("r1"), &before).ok());
  Curb freeze;
  freeze.alert = 17;
  freeze.freeze = true;
  freeze.scope = {{*ParseDimension("team"), "search"}};
  freeze.until_us = kNowUs + 60'000'000;
  snapshots_.UpdatePolicies(
      [&](const PolicySet& present) { return present.WithCurbs("acme", {freeze}); });

  v1::ReserveResponse refused;
  ASSERT_TRUE(Call(Reserve("r2"), &refused).ok());
  EXPECT_EQ(refused.decision(), v1::DECISION_DENY);
  EXPECT_EQ(refused.retry_after().seconds(), 60);
  ASSERT_EQ(refused.exceeded_size(), 1);
  EXPECT_EQ(refused.exceeded(0).cause(), v1::CAUSE_FROZEN);
  EXPECT_EQ(refused.exceeded(0).scope(), "{org=acme, team=search}");
  EXPECT_EQ(refused.exceeded(0).alert_id(), "A-17");
  EXPECT_TRUE(absl::StrContains(refused.exceeded(0).detail(), "frozen by alert A-17 until "));
  // Counted as every refusal.
  const RefusalCounts::Taken taken = refusals_.Take();
  ASSERT_EQ(taken.lines.size(), 1u);
  EXPECT_EQ(taken.lines[0].subject.team, "search");
  EXPECT_EQ(taken.lines[0].count, 1);
  // A retry of what was held before is no refusal.
  v1::ReserveResponse retried;
  ASSERT_TRUE(Call(Reserve("r1"), &retried).ok());
  EXPECT_EQ(retried.decision(), v1::DECISION_ALLOW);
  EXPECT_TRUE(refusals_.Take().lines.empty());

  now_us_ = freeze.until_us;
  v1::ReserveResponse after;
  ASSERT_TRUE(Call(Reserve("r2"), &after).ok());
  EXPECT_EQ(after.decision(), v1::DECISION_ALLOW);
}

TEST_F(KeyedCallsTest, UsageIsTheKeysAndNoKeyIsKept) {
  v1::ReserveResponse reserved;
  ASSERT_TRUE(Call(Reserve("r1"), &reserved).ok());
  EXPECT_EQ(reserved.decision(), v1::DECISION_ALLOW);
  v1::CommitRequest commit;
  commit.set_reservation_id("r1");
  commit.set_key(fresh_.text);
  commit.mutable_subject()->set_model("claude-sonnet-4-5");
  (*commit.add_attempts()->mutable_usage()->mutable_meters())["output"] = 2'000;
  v1::CommitResponse committed;
  ASSERT_TRUE(Call(&v1::QuotaService::Stub::Commit, commit, &committed).ok());
  EXPECT_EQ(committed.cost_nano_usd(), 30'000'000);
  EXPECT_FALSE(committed.unreserved());
  v1::GetUsageRequest ask;
  ask.set_key(fresh_.text);
  v1::GetUsageResponse usage;
  ASSERT_TRUE(Call(&v1::QuotaService::Stub::GetUsage, ask, &usage).ok());
  ASSERT_EQ(usage.limits_size(), 2);
  EXPECT_EQ(usage.limits(0).scope(), "{org=acme, api_key=" + fresh_.id + "}");
  EXPECT_EQ(usage.limits(1).scope(), "{org=acme, team=search}");
  EXPECT_EQ(usage.limits(1).used(), 30'000'000);
  // The same subject without the key is the same subject.
  commit.clear_key();
  commit.mutable_subject()->set_org("acme");
  commit.mutable_subject()->set_team("search");
  commit.mutable_subject()->set_api_key(fresh_.id);
  ASSERT_TRUE(Call(&v1::QuotaService::Stub::Commit, commit, &committed).ok());
  EXPECT_TRUE(committed.replayed());
  // Nothing in Redis has the secret; the ledger's record has the id.
  const std::string secret = fresh_.text.substr(21);
  std::string all;
  for (const auto& key : redis_.Command({"KEYS", "*"}).elements) {
    all += key.text;
    all += redis_.Command({"DUMP", key.text}).text;
  }
  EXPECT_TRUE(absl::StrContains(all, fresh_.id));
  EXPECT_FALSE(absl::StrContains(all, secret));
}

TEST_F(KeyedCallsTest, AnotherModelIsADenial) {
  v1::ReserveResponse response;
  ASSERT_TRUE(Call(Reserve("r1", "gpt-5"), &response).ok());
  EXPECT_EQ(response.decision(), v1::DECISION_DENY);
  ASSERT_EQ(response.exceeded_size(), 1);
  EXPECT_EQ(response.exceeded(0).cause(), v1::CAUSE_MODEL_NOT_ALLOWED);
  EXPECT_EQ(response.exceeded(0).limit_id(), "key/" + fresh_.id);
  EXPECT_TRUE(response.exceeded(0).never_fits());
  v1::CheckRequest check;
  check.set_key(fresh_.text);
  check.mutable_subject()->set_model("gpt-5");
  v1::CheckResponse checked;
  ASSERT_TRUE(Call(&v1::QuotaService::Stub::Check, check, &checked).ok());
  EXPECT_EQ(checked.decision(), v1::DECISION_DENY);
  EXPECT_EQ(checked.exceeded(0).limit_id(), "key/" + fresh_.id);
}

TEST_F(KeyedCallsTest, AKeyRevokedBetweenReserveAndCommit) {
  v1::ReserveResponse response;
  ASSERT_TRUE(Call(Reserve("r1"), &response).ok());
  Put([](VirtualKey* key) { key->revoked = true; });
  const grpc::Status refused = Call(Reserve("r2"), &response);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(ReasonOf(refused), "KEY_REVOKED");
  v1::CommitRequest commit;
  commit.set_reservation_id("r1");
  commit.set_key(fresh_.text);
  commit.mutable_subject()->set_model("claude-sonnet-4-5");
  (*commit.add_attempts()->mutable_usage()->mutable_meters())["output"] = 2'000;
  v1::CommitResponse committed;
  ASSERT_TRUE(Call(&v1::QuotaService::Stub::Commit, commit, &committed).ok());
  EXPECT_FALSE(committed.unreserved());
}

TEST_F(KeyedCallsTest, AKeyExpiresByTheStoresClock) {
  Put([](VirtualKey* key) { key->expires_at_us = kNowUs + 1; });
  v1::ReserveResponse response;
  EXPECT_TRUE(Call(Reserve("r1"), &response).ok());
  now_us_ = kNowUs + 1;
  EXPECT_EQ(ReasonOf(Call(Reserve("r2"), &response)), "KEY_EXPIRED");
  v1::ReleaseRequest release;
  release.set_reservation_id("r1");
  release.set_key(fresh_.text);
  v1::ReleaseResponse released;
  EXPECT_TRUE(Call(&v1::QuotaService::Stub::Release, release, &released).ok());
  EXPECT_EQ(released.outcome(), v1::ReleaseResponse::OUTCOME_RELEASED);
}

TEST_F(KeyedCallsTest, AnExceptionIsToldWithTheUsage) {
  Raise raise{"exc-1",       "team-day", {{*ParseDimension("team"), "search"}},
              9'000'000'000, 0,          kNowUs + 60'000'000};
  snapshots_.UpdatePolicies(
      [&](const PolicySet& present) { return present.WithRaises("acme", {raise}); });
  v1::GetUsageRequest ask;
  ask.set_key(fresh_.text);
  v1::GetUsageResponse usage;
  ASSERT_TRUE(Call(&v1::QuotaService::Stub::GetUsage, ask, &usage).ok());
  ASSERT_EQ(usage.limits_size(), 2);
  EXPECT_EQ(usage.limits(0).exception_id(), "");
  EXPECT_FALSE(usage.limits(0).has_exception_ends_at());
  EXPECT_EQ(usage.limits(1).amount(), 9'000'000'000);
  EXPECT_EQ(usage.limits(1).remaining(), 9'000'000'000);
  EXPECT_EQ(usage.limits(1).exception_id(), "exc-1");
  EXPECT_EQ(usage.limits(1).exception_ends_at().seconds(), kNowUs / 1'000'000 + 60);
}

// Holding a key is not enough: whoever brings it needs the role for the key's org.
TEST_F(KeyedCallsTest, TheKeysOrgHasToBeTheCallers) {
  const std::string acme = NewToken();
  const std::string globex = NewToken();
  AuthConfig config;
  config.tokens.push_back({"acme", Hash256Of(acme), INT64_MAX, {{Role::kGateway, "acme"}}});
  config.tokens.push_back({"globex", Hash256Of(globex), INT64_MAX, {{Role::kGateway, "globex"}}});
  Authenticator authenticator(config);
  QuotaServerOptions options;
  options.listen = "127.0.0.1:0";
  options.authenticator = &authenticator;
  options.store_timeout = absl::Seconds(10);
  const auto server = *QuotaServer::Start(&admission_, &ring_, options);
  const auto stub = v1::QuotaService::NewStub(
      grpc::CreateChannel(server->address(), grpc::InsecureChannelCredentials()));
  const auto call = [&](const std::string& token, auto method, const auto& request, auto response) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    context.AddMetadata("authorization", "Bearer " + token);
    const grpc::Status status = (stub.get()->*method)(&context, request, &response);
    return status.ok() ? "OK" : ReasonOf(status);
  };
  using Stub = v1::QuotaService::Stub;
  v1::ReleaseRequest release;
  release.set_reservation_id("r");
  release.set_key(fresh_.text);
  v1::GetUsageRequest usage;
  usage.set_key(fresh_.text);
  EXPECT_EQ(call(globex, &Stub::Reserve, Reserve("r"), v1::ReserveResponse()), "ROLE_MISSING");
  EXPECT_EQ(call(acme, &Stub::Reserve, Reserve("r"), v1::ReserveResponse()), "OK");
  EXPECT_EQ(call(globex, &Stub::GetUsage, usage, v1::GetUsageResponse()), "ROLE_MISSING");
  EXPECT_EQ(call(globex, &Stub::Release, release, v1::ReleaseResponse()), "ROLE_MISSING");
  // Nor does naming another org beside the key help.
  release.set_org("globex");
  EXPECT_NE(call(globex, &Stub::Release, release, v1::ReleaseResponse()), "OK");
  release.clear_org();
  EXPECT_EQ(call(acme, &Stub::Release, release, v1::ReleaseResponse()), "OK");
}

}  // namespace
}  // namespace quotaplane
