#include "services/quota/request_keys.h"

#include <gtest/gtest.h>

#include "libs/base/error.h"
#include "services/quota/quota_convert.h"

namespace quotaplane {
namespace {

constexpr int64_t kNow = 1'000'000;

class RequestKeysTest : public testing::Test {
 protected:
  RequestKeysTest() {
    Put([](VirtualKey*) {});
  }

  // acme's, for team search and claude models, as `change` makes it.
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

  v1::ReserveRequest Request() const {
    v1::ReserveRequest request;
    request.set_reservation_id("r1");
    request.set_key(fresh_.text);
    request.mutable_subject()->set_model("claude-sonnet-4-5");
    return request;
  }

  // The fields that are wrong; or the reason.
  template <typename Request>
  std::vector<std::string> Wrong(const Request& request) const {
    const auto args = FromProto(request, keys_);
    if (args.ok()) return {};
    EXPECT_EQ(args.status().ToString().find(fresh_.text.substr(21)), std::string::npos);
    if (const auto reason = ReasonOf(args.status())) return {*reason};
    std::vector<std::string> fields;
    for (const FieldViolation& violation : FieldViolationsOf(args.status())) {
      EXPECT_EQ(violation.description.find("search"), std::string::npos) << "says what the key has";
      fields.push_back(violation.field);
    }
    return fields;
  }

  const NewSecret fresh_ = MakeKey();
  KeyRing ring_;
  const RequestKeys keys_{&ring_, [] { return kNow; }};
};

using Fields = std::vector<std::string>;

TEST_F(RequestKeysTest, TheKeySaysWhoItIs) {
  v1::ReserveRequest request = Request();
  request.mutable_subject()->set_user("alice");
  (*request.mutable_subject()->mutable_labels())["agent"] = "ci";
  const auto args = FromProto(request, keys_);
  ASSERT_TRUE(args.ok()) << args.status();
  EXPECT_EQ(
      args->subject,
      (Subject{"acme", "search", "", "alice", fresh_.id, "claude-sonnet-4-5", {{"agent", "ci"}}}));
  EXPECT_EQ(args->refused_by, "");
}

TEST_F(RequestKeysTest, ARequestMaySayTheSameAndNothingElse) {
  v1::ReserveRequest same = Request();
  same.mutable_subject()->set_org("acme");
  same.mutable_subject()->set_team("search");
  same.mutable_subject()->set_api_key(fresh_.id);
  EXPECT_EQ(Wrong(same), Fields{});
  v1::ReserveRequest other = same;
  other.mutable_subject()->set_org("globex");
  other.mutable_subject()->set_team("ads");
  other.mutable_subject()->set_api_key("k2");
  EXPECT_EQ(Wrong(other), (Fields{"subject.org", "subject.team", "subject.api_key"}));
  Put([](VirtualKey* key) {
    key->project = "assistant";
    key->user = "alice";
  });
  other = same;
  other.mutable_subject()->set_project("other");
  other.mutable_subject()->set_user("bob");
  EXPECT_EQ(Wrong(other), (Fields{"subject.project", "subject.user"}));
}

TEST_F(RequestKeysTest, WithoutAKeyTheOrgIsRequired) {
  v1::ReserveRequest request = Request();
  request.clear_key();
  EXPECT_EQ(Wrong(request), Fields{"subject.org"});
  v1::ReleaseRequest release;
  release.set_reservation_id("r1");
  EXPECT_EQ(Wrong(release), Fields{"org"});
  release.set_key(fresh_.text);
  const auto key = FromProto(release, keys_);
  ASSERT_TRUE(key.ok()) << key.status();
  EXPECT_EQ(key->org, "acme");
  release.set_org("acme");
  EXPECT_EQ(Wrong(release), Fields{});
  release.set_org("globex");
  EXPECT_EQ(Wrong(release), Fields{"org"});
}

TEST_F(RequestKeysTest, OtherModelsAreRefusedByTheKey) {
  v1::ReserveRequest reserve = Request();
  reserve.mutable_subject()->set_model("gpt-5");
  EXPECT_EQ(FromProto(reserve, keys_)->refused_by, "key/" + fresh_.id);
  v1::ExtendRequest extend;
  extend.set_reservation_id("r1");
  extend.set_sequence(1);
  extend.set_key(fresh_.text);
  extend.mutable_ttl()->set_seconds(5);
  *extend.mutable_subject() = reserve.subject();
  EXPECT_EQ(FromProto(extend, keys_)->refused_by, "key/" + fresh_.id);
  v1::CheckRequest check;
  check.set_key(fresh_.text);
  *check.mutable_subject() = reserve.subject();
  EXPECT_EQ(FromProto(check, keys_)->refused_by, "key/" + fresh_.id);
  check.mutable_subject()->set_model("claude-opus-4");
  EXPECT_EQ(FromProto(check, keys_)->refused_by, "");
  Put([](VirtualKey* key) { key->models.clear(); });
  EXPECT_EQ(FromProto(reserve, keys_)->refused_by, "");
}

TEST_F(RequestKeysTest, WhatWasSpentIsSettledUnderAKeyThatEnded) {
  v1::ReserveRequest reserve = Request();
  v1::ExtendRequest extend;
  extend.set_reservation_id("r1");
  extend.set_sequence(1);
  extend.mutable_ttl()->set_seconds(5);
  v1::CheckRequest check;
  v1::GetUsageRequest usage;
  v1::CommitRequest commit;
  commit.set_reservation_id("r1");
  v1::RecordRequest record;
  record.set_record_id("r2");
  v1::ReleaseRequest release;
  release.set_reservation_id("r1");
  const auto with_key = [&](auto* request) {
    request->set_key(fresh_.text);
    request->mutable_subject()->set_model("claude-sonnet-4-5");
  };
  with_key(&extend);
  with_key(&check);
  with_key(&usage);
  with_key(&commit);
  with_key(&record);
  release.set_key(fresh_.text);
  const auto expect = [&](const Fields& spend) {
    EXPECT_EQ(Wrong(reserve), spend);
    EXPECT_EQ(Wrong(extend), spend);
    EXPECT_EQ(Wrong(check), spend);
    EXPECT_EQ(Wrong(usage), spend);
    EXPECT_EQ(Wrong(commit), Fields{});
    EXPECT_EQ(Wrong(record), Fields{});
    EXPECT_EQ(Wrong(release), Fields{});
  };
  expect({});
  Put([](VirtualKey* key) { key->expires_at_us = kNow; });
  expect({"KEY_EXPIRED"});
  Put([](VirtualKey* key) { key->revoked = true; });
  expect({"KEY_REVOKED"});
}

TEST_F(RequestKeysTest, UnknownKeysAreErrorsWhateverElseIsWrong) {
  v1::ReserveRequest request = Request();
  request.set_key(MakeKey().text);
  request.clear_reservation_id();
  EXPECT_EQ(Wrong(request), Fields{"KEY_UNKNOWN"});
  request.set_key("not a key");
  EXPECT_EQ(Wrong(request), Fields{"KEY_UNKNOWN"});
  // A server that has no keys.
  const auto without = FromProto(Request());
  EXPECT_EQ(without.status().code(), absl::StatusCode::kUnauthenticated);
  EXPECT_EQ(ReasonOf(without.status()), "KEY_UNKNOWN");
}

TEST_F(RequestKeysTest, AWholeKeyDoesNotPassForAnIdentifier) {
  v1::ReserveRequest request = Request();
  request.clear_key();
  request.mutable_subject()->set_org("acme");
  request.mutable_subject()->set_api_key(fresh_.text);
  EXPECT_EQ(Wrong(request), Fields{"subject.api_key"});
}

}  // namespace
}  // namespace quotaplane
