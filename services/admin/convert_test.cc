#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/base/error.h"
#include "libs/config/policy_reader.h"
#include "services/admin/access_convert.h"
#include "services/admin/policy_convert.h"
#include "services/admin/state_convert.h"
#include "services/audited/request_parts.h"
#include "services/rpc/time_fields.h"

namespace quotaplane {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

constexpr int64_t kTimeUs = 1'764'000'000'123'456;

std::shared_ptr<const Policy> ThePolicy() {
  const auto policy = ParsePolicy(R"(
defaults: {on_outage: deny, time_zone: UTC}
limits:
  - {id: user-month, per: [user], unit: usd, amount: 100, window: month}
)",
                                  "test");
  EXPECT_TRUE(policy.ok()) << policy.status();
  return *policy;
}

std::vector<std::string> FieldsOf(const absl::Status& status) {
  std::vector<std::string> fields;
  for (const FieldViolation& violation : FieldViolationsOf(status)) {
    fields.push_back(violation.field);
  }
  return fields;
}

TEST(AdminConvert, EditsAreReadAgainstWhatTheOnesBeforeThemLeave) {
  v1::CreateDraftRequest request;
  request.set_org("acme");
  auto* const edits = request.mutable_edits();
  edits->add_edits()->set_put_limit_yaml(
      "{id: team-day, per: [team], unit: requests, amount: 10, window: day, on_outage: deny, "
      "time_zone: UTC}");
  v1::SetAmount* const set = edits->add_edits()->mutable_set_amount();
  set->set_limit_id("team-day");
  (*set->mutable_scope())["team"] = "search";
  set->set_amount("20");
  edits->add_edits()->set_remove_limit("user-month");
  const auto input = InputOf(request, ThePolicy()->document());
  ASSERT_TRUE(input.ok()) << input.status();
  ASSERT_THAT(std::get<std::vector<PolicyEdit>>(*input), SizeIs(3));

  set->set_amount("a lot");
  EXPECT_THAT(FieldsOf(InputOf(request, ThePolicy()->document()).status()),
              ElementsAre("edits.edits[1].set_amount.amount"));
  set->set_limit_id("none");
  EXPECT_TRUE(absl::IsNotFound(InputOf(request, ThePolicy()->document()).status()));
  request.set_yaml("limits: []");
  EXPECT_EQ(std::get<std::string>(*InputOf(request, ThePolicy()->document())), "limits: []");
}

TEST(AdminConvert, OneAmount) {
  v1::SetLimitRequest request;
  request.set_org("acme");
  v1::SetAmount* const set = request.mutable_set();
  (*set->mutable_scope())["user"] = "alice";
  set->set_unit("usd");
  set->set_window("month");
  set->set_amount("500");
  EXPECT_TRUE(InputOf(request, ThePolicy()->document()).ok());
  set->set_unit("euro!");
  EXPECT_THAT(FieldsOf(InputOf(request, ThePolicy()->document()).status()),
              ElementsAre("set.unit"));
}

TEST(AdminConvert, Changes) {
  const auto before = ThePolicy();
  PolicyDocument after = before->document();
  after.limits[0].amount *= 2;
  google::protobuf::RepeatedPtrField<v1::PolicyChange> changes;
  EXPECT_EQ(ListChanges(before->document(), after, &changes), 0);
  ASSERT_THAT(changes, SizeIs(1));
  EXPECT_EQ(changes[0].kind(), v1::PolicyChange::KIND_CHANGED);
  EXPECT_EQ(changes[0].path(), "limits[user-month].amount");
  EXPECT_EQ(changes[0].before(), "100");
  EXPECT_EQ(changes[0].after(), "200");
}

TEST(AdminConvert, SubjectsAndTheirLabelsInOrder) {
  const Subject subject = SubjectOf(
      "acme", {{"user", "alice"}, {"labels.z", "1"}, {"labels.a", "2"}, {"model", "opus"}});
  EXPECT_EQ(subject.org, "acme");
  EXPECT_EQ(subject.user, "alice");
  EXPECT_EQ(subject.model, "opus");
  EXPECT_THAT(subject.labels, ElementsAre(std::pair<std::string, std::string>("a", "2"),
                                          std::pair<std::string, std::string>("z", "1")));
}

TEST(AdminConvert, VersionsBothWays) {
  PolicyVersion version;
  version.org = "acme";
  version.version = 7;
  version.state = PolicyState::kSuperseded;
  version.base_version = 6;
  version.created_at_us = kTimeUs;
  version.activated_at_us = kTimeUs + 1;
  version.approvals = {{"token:bob", kTimeUs, "fine"}};
  version.approvals_needed = 1;
  version.etag = "e";
  v1::PolicyVersion proto;
  ToProto(version, &proto);
  EXPECT_EQ(proto.state(), v1::POLICY_STATE_SUPERSEDED);
  EXPECT_EQ(proto.create_time().nanos(), 123'456'000);
  EXPECT_EQ(proto.activate_time().nanos(), 123'457'000);
  EXPECT_EQ(proto.approvals(0).approver(), "token:bob");
  EXPECT_EQ(proto.etag(), "e");
}

TEST(AdminConvert, Exceptions) {
  v1::RequestExceptionRequest request;
  (*request.mutable_scope())["user"] = "alice";
  v1::LimitRaise* const raise = request.add_raises();
  raise->set_limit_id("user-month");
  raise->set_amount(9);
  SetTime(kTimeUs, request.mutable_end_time());
  request.set_reason("launch");
  ExceptionSpec spec = SpecOf(request);
  EXPECT_FALSE(spec.start_us.has_value());
  EXPECT_EQ(spec.end_us, kTimeUs);
  EXPECT_THAT(spec.raises, ElementsAre(LimitRaise{"user-month", 9}));
  SetTime(kTimeUs - 5, request.mutable_start_time());
  spec = SpecOf(request);
  EXPECT_EQ(spec.start_us, kTimeUs - 5);

  Exception exception;
  exception.spec = spec;
  exception.state = ExceptionState::kRequested;
  v1::Exception proto;
  ToProto(exception, &proto);
  EXPECT_EQ(proto.state(), v1::EXCEPTION_STATE_REQUESTED);
  EXPECT_FALSE(proto.has_decide_time());
  EXPECT_FALSE(proto.has_revoke_time());
  EXPECT_EQ(proto.scope().at("user"), "alice");

  v1::ListExceptionsRequest list;
  list.add_states(v1::EXCEPTION_STATE_EXPIRED);
  list.add_states(v1::EXCEPTION_STATE_ACTIVE);
  list.add_states(v1::EXCEPTION_STATE_ACTIVE);
  EXPECT_THAT(StatesOf(list), ElementsAre(ExceptionState::kActive, ExceptionState::kExpired));
}

TEST(AdminConvert, OnlyWhatTheMaskNamesIsUpdated) {
  v1::UpdateKeyRequest request;
  request.mutable_key()->set_team("search");
  request.mutable_key()->set_user("alice");
  request.mutable_update_mask()->add_paths("team");
  request.mutable_update_mask()->add_paths("expire_time");
  const KeyUpdate update = UpdateOf(request);
  EXPECT_EQ(update.team, "search");
  EXPECT_EQ(update.expires_at_us, 0);  // never
  EXPECT_FALSE(update.user.has_value());
  EXPECT_FALSE(update.models.has_value());
  EXPECT_FALSE(update.display_name.has_value());
}

TEST(AdminConvert, KeysThatNeverEndHaveNoTimes) {
  StoredKey key;
  key.id = "abc";
  key.created_at_us = kTimeUs;
  v1::Key proto;
  ToProto(key, &proto);
  EXPECT_FALSE(proto.has_expire_time());
  EXPECT_FALSE(proto.has_rotate_time());
  EXPECT_FALSE(proto.has_previous_until_time());
  EXPECT_FALSE(proto.has_revoke_time());
  key.spec.expires_at_us = kTimeUs;
  ToProto(key, &proto);
  EXPECT_EQ(proto.expire_time().nanos(), 123'456'000);
}

TEST(AdminConvert, AuditRowsKeepTheirHashes) {
  AuditRow row;
  row.number = 17;
  row.at_us = kTimeUs;
  row.previous_hash = std::string(32, '\0');
  row.hash = std::string(32, '\xff');
  v1::AuditRow proto;
  ToProto(row, &proto);
  EXPECT_EQ(proto.previous_hash(), std::string(64, '0'));
  EXPECT_EQ(proto.hash(), std::string(64, 'f'));
  EXPECT_EQ(proto.time().nanos(), 123'456'000);
}

TEST(AdminConvert, AStateDocumentThatIsNoneNamesItsField) {
  v1::ApplyStateRequest request;
  request.set_yaml("- not a state");
  const absl::Status status = DocumentOf(request).status();
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  ASSERT_FALSE(FieldsOf(status).empty());
  EXPECT_EQ(FieldsOf(status)[0], "yaml");
}

TEST(AdminConvert, PagesEndWhereTheyAreFull) {
  Page page;
  page.size = 3;
  page.list = "list";
  const auto fill = [&](size_t count) {
    std::vector<StoredKey> found(count);
    for (size_t i = 0; i < count; ++i) found[i].id = std::to_string(i);
    v1::ListKeysResponse response;
    const std::string token = FillPage(
        found, page,
        [&](const StoredKey& key) {
          v1::Key* const added = response.add_keys();
          ToProto(key, added);
          return added;
        },
        [](const StoredKey& key) { return key.id; });
    return std::pair(response.keys_size(), token);
  };
  EXPECT_EQ(fill(3), std::pair(3, std::string()));
  const auto [count, token] = fill(4);
  EXPECT_EQ(count, 3);
  EXPECT_EQ(*ReadPageToken("list", token), "2");
}

}  // namespace
}  // namespace quotaplane
