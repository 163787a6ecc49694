#include "services/admin/requests.h"

#include <gmock/gmock.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include "absl/strings/str_split.h"
#include "libs/base/error.h"
#include "libs/control/key_store.h"
#include "libs/control/policy_versions.h"
#include "libs/policy/policy_edit.h"
#include "services/audited/request_parts.h"

namespace quotaplane {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

// A request from its public JSON.
template <typename Request>
Request From(const std::string& json) {
  Request request;
  const auto parsed = google::protobuf::util::JsonStringToMessage(json, &request);
  EXPECT_TRUE(parsed.ok()) << parsed.ToString();
  return request;
}

// The fields of the violations; a request that is fine has none.
template <typename Request>
std::vector<std::string> Fields(const Request& request) {
  const absl::Status status = Check(request);
  if (status.ok()) return {};
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  std::vector<std::string> fields;
  for (const FieldViolation& violation : FieldViolationsOf(status)) {
    EXPECT_FALSE(violation.description.empty());
    fields.push_back(violation.field);
  }
  return fields;
}
template <typename Request>
std::vector<std::string> FieldsOf(const std::string& json) {
  return Fields(From<Request>(json));
}

const std::string kLong(129, 'x');

TEST(AdminRequests, AnEmptyRequestIsToldEverythingThatItLacks) {
  EXPECT_THAT(Fields(v1::CreateDraftRequest()), ElementsAre("org", "request_id", "document"));
  EXPECT_THAT(Fields(v1::UpdateDraftRequest()),
              ElementsAre("org", "request_id", "version", "etag", "document"));
  EXPECT_THAT(Fields(v1::DiscardDraftRequest()),
              ElementsAre("org", "request_id", "version", "etag"));
  EXPECT_THAT(Fields(v1::GetPolicyRequest()), ElementsAre("org"));
  EXPECT_THAT(Fields(v1::ListPolicyVersionsRequest()), ElementsAre("org"));
  EXPECT_THAT(Fields(v1::DiffPolicyRequest()), ElementsAre("org"));
  EXPECT_THAT(Fields(v1::PlanPolicyRequest()), ElementsAre("org", "version"));
  EXPECT_THAT(Fields(v1::BacktestPolicyRequest()), ElementsAre("org", "days"));
  EXPECT_THAT(Fields(v1::ApprovePolicyRequest()),
              ElementsAre("org", "request_id", "version", "etag"));
  EXPECT_THAT(Fields(v1::ActivatePolicyRequest()),
              ElementsAre("org", "request_id", "version", "etag"));
  EXPECT_THAT(Fields(v1::RollbackPolicyRequest()), ElementsAre("org", "request_id", "reason"));
  EXPECT_THAT(Fields(v1::SetLimitRequest()), ElementsAre("org", "request_id", "set"));
  EXPECT_THAT(Fields(v1::GetLimitRequest()), ElementsAre("org", "limit_id"));
  EXPECT_THAT(Fields(v1::ListEffectiveLimitsRequest()), ElementsAre("org"));
  EXPECT_THAT(Fields(v1::RequestExceptionRequest()),
              ElementsAre("org", "request_id", "raises", "end_time", "reason"));
  EXPECT_THAT(Fields(v1::DecideExceptionRequest()),
              ElementsAre("org", "request_id", "exception_id", "etag"));
  EXPECT_THAT(Fields(v1::GetExceptionRequest()), ElementsAre("org", "exception_id"));
  EXPECT_THAT(Fields(v1::ListExceptionsRequest()), ElementsAre("org"));
  EXPECT_THAT(Fields(v1::CreateKeyRequest()), ElementsAre("org", "request_id"));
  EXPECT_THAT(Fields(v1::GetKeyRequest()), ElementsAre("org", "key_id"));
  EXPECT_THAT(Fields(v1::ListKeysRequest()), ElementsAre("org"));
  EXPECT_THAT(Fields(v1::UpdateKeyRequest()),
              ElementsAre("key.org", "key.key_id", "key.etag", "request_id", "update_mask"));
  EXPECT_THAT(Fields(v1::RotateKeyRequest()), ElementsAre("org", "request_id", "key_id", "etag"));
  EXPECT_THAT(Fields(v1::RevokeKeyRequest()), ElementsAre("org", "request_id", "key_id"));
  EXPECT_THAT(Fields(v1::CreatePriceBookRequest()), ElementsAre("request_id", "yaml"));
  EXPECT_THAT(Fields(v1::ActivatePriceBookRequest()), ElementsAre("number", "etag", "request_id"));
  EXPECT_THAT(Fields(v1::ExportStateRequest()), ElementsAre("org"));
  EXPECT_THAT(Fields(v1::ApplyStateRequest()), ElementsAre("org", "request_id", "yaml"));
  // These may be empty: the active book, the deployment's rows.
  EXPECT_THAT(Fields(v1::GetPriceBookRequest()), IsEmpty());
  EXPECT_THAT(Fields(v1::ListPriceBooksRequest()), IsEmpty());
  EXPECT_THAT(Fields(v1::ListAuditRequest()), IsEmpty());
  EXPECT_THAT(Fields(v1::WatchAuditRequest()), IsEmpty());
  EXPECT_THAT(Fields(v1::GetPropagationRequest()), IsEmpty());
}

TEST(AdminRequests, NamesHaveTheirLengthAndCharacters) {
  for (const std::string& bad : {kLong, std::string("a\x07")}) {
    v1::CreateDraftRequest draft;
    draft.set_org(bad);
    draft.set_request_id(bad);
    draft.set_yaml("limits: []");
    EXPECT_THAT(Fields(draft), ElementsAre("org", "request_id"));
    v1::DecideExceptionRequest decide;
    decide.set_org("acme");
    decide.set_request_id("r");
    decide.set_exception_id(bad);
    decide.set_etag(bad);
    decide.set_comment(std::string(1'001, 'x'));
    EXPECT_THAT(Fields(decide), ElementsAre("exception_id", "etag", "comment"));
  }
}

TEST(AdminRequests, Documents) {
  v1::CreateDraftRequest draft = From<v1::CreateDraftRequest>(
      R"({"org": "acme", "request_id": "r", "yaml": "limits: []", "reason": "spring"})");
  EXPECT_THAT(Fields(draft), IsEmpty());
  draft.set_yaml("");
  EXPECT_THAT(Fields(draft), ElementsAre("yaml"));
  draft.set_yaml(std::string(kMaxDocumentBytes + 1, ' '));
  EXPECT_THAT(Fields(draft), ElementsAre("yaml"));
  draft.set_reason("two\nlines");
  draft.mutable_edits();
  EXPECT_THAT(Fields(draft), ElementsAre("edits.edits", "reason"));
  for (size_t i = 0; i <= PolicyVersions::kMaxEdits; ++i)
    draft.mutable_edits()->add_edits()->set_remove_limit("x");
  draft.clear_reason();
  EXPECT_THAT(Fields(draft), ElementsAre("edits.edits"));
  // Nothing is written: there is nothing to repeat.
  draft = From<v1::CreateDraftRequest>(R"({"org": "a", "yaml": "x", "validate_only": true})");
  EXPECT_THAT(Fields(draft), IsEmpty());
}

TEST(AdminRequests, Edits) {
  const auto fields = [](const std::string& edit) {
    return FieldsOf<v1::CreateDraftRequest>(
        R"({"org": "acme", "request_id": "r", "edits": {"edits": [)" + edit + "]}}");
  };
  EXPECT_THAT(fields(R"({"set_amount": {"limit_id": "user-month", "scope": {"user": "alice"},
                         "amount": "500"}}, {"remove_limit": "old"},
                        {"remove_override": {"limit_id": "x", "match": {"user": "bob"}}},
                        {"put_limit_yaml": "id: x"})"),
              IsEmpty());
  EXPECT_THAT(fields("{}"), ElementsAre("edits.edits[0]"));
  EXPECT_THAT(fields(R"({"set_amount": {}})"),
              ElementsAre("edits.edits[0].set_amount.unit", "edits.edits[0].set_amount.window",
                          "edits.edits[0].set_amount.amount"));
  EXPECT_THAT(fields(R"({"remove_limit": "ok"}, {"set_amount": {"limit_id": "x", "amount": "1",
                "scope": {"nothing": "x", "org": "acme", "user": ""}, "on_outage": "maybe"}})"),
              UnorderedElementsAre("edits.edits[1].set_amount.scope[\"nothing\"]",
                                   "edits.edits[1].set_amount.scope[\"org\"]",
                                   "edits.edits[1].set_amount.scope[\"user\"]",
                                   "edits.edits[1].set_amount.on_outage"));
  EXPECT_THAT(
      fields(R"({"remove_override": {}}, {"put_limit_yaml": ""}, {"remove_limit": ""})"),
      ElementsAre("edits.edits[0].remove_override.limit_id", "edits.edits[0].remove_override.match",
                  "edits.edits[1].put_limit_yaml", "edits.edits[2].remove_limit"));
}

TEST(AdminRequests, NumbersHaveTheirRanges) {
  EXPECT_THAT(
      FieldsOf<v1::DiffPolicyRequest>(R"({"org": "acme", "from_version": -1, "to_version": -1})"),
      ElementsAre("from_version", "to_version"));
  for (const char* days : {"0", "367", "-1"}) {
    EXPECT_THAT(FieldsOf<v1::BacktestPolicyRequest>(
                    std::string(R"({"org": "acme", "version": 1, "days": )") + days + "}"),
                ElementsAre("days"));
  }
  for (const char* size : {"-1", "1001"}) {
    EXPECT_THAT(
        FieldsOf<v1::ListKeysRequest>(std::string(R"({"org": "acme", "page_size": )") + size + "}"),
        ElementsAre("page_size"));
  }
  EXPECT_THAT(FieldsOf<v1::RotateKeyRequest>(
                  R"({"org": "acme", "request_id": "r", "key_id": "k", "etag": "1",
                      "grace_seconds": 2592001})"),
              ElementsAre("grace_seconds"));
  EXPECT_THAT(FieldsOf<v1::WatchAuditRequest>(R"({"after_number": -1})"),
              ElementsAre("after_number"));
}

TEST(AdminRequests, Exceptions) {
  const auto fields = [](const std::string& more) {
    return FieldsOf<v1::RequestExceptionRequest>(
        R"({"org": "acme", "request_id": "r", "reason": "launch", )" + more + "}");
  };
  EXPECT_THAT(fields(R"("scope": {"user": "alice"}, "end_time": "2026-12-01T00:00:00Z",
                        "raises": [{"limit_id": "a", "amount": 5}, {"limit_id": "b", "amount": 1}])"),
              IsEmpty());
  EXPECT_THAT(
      fields(R"("end_time": "2026-12-01T00:00:00Z", "start_time": "2026-12-01T00:00:00Z",
                        "raises": [{"limit_id": "a", "amount": 0}, {"limit_id": "a", "amount": 1},
                                   {"limit_id": "c", "amount": "9007199254740992"}])"),
      ElementsAre("raises[0].amount", "raises[1].limit_id", "raises[2].amount", "end_time"));
  EXPECT_THAT(FieldsOf<v1::ListExceptionsRequest>(
                  R"({"org": "acme", "states": ["EXCEPTION_STATE_ACTIVE", 0, 77]})"),
              ElementsAre("states[1]", "states[2]"));
}

TEST(AdminRequests, Keys) {
  v1::CreateKeyRequest create = From<v1::CreateKeyRequest>(
      R"({"org": "acme", "request_id": "r",
          "key": {"user": "alice", "models": ["claude-*"], "expire_time": "2027-01-01T00:00:00Z"}})");
  EXPECT_THAT(Fields(create), IsEmpty());
  create.mutable_key()->set_team(kLong);
  create.mutable_key()->add_models("");
  create.mutable_key()->mutable_expire_time()->set_seconds(1);
  EXPECT_THAT(Fields(create), ElementsAre("key.team", "key.models[1]", "key.expire_time"));
  for (size_t i = 0; i < kMaxKeyModels; ++i) create.mutable_key()->add_models("*");
  EXPECT_THAT(Fields(create), ElementsAre("key.team", "key.models", "key.expire_time"));

  const auto masked = [](const std::string& mask) {
    v1::UpdateKeyRequest request = From<v1::UpdateKeyRequest>(
        R"({"request_id": "r", "key": {"org": "acme", "key_id": "k", "etag": "1"}})");
    for (const auto& path : std::vector<std::string>(absl::StrSplit(mask, ','))) {
      request.mutable_update_mask()->add_paths(path);
    }
    return Fields(request);
  };
  EXPECT_THAT(masked("user,models,expire_time,display_name,team,project"), IsEmpty());
  EXPECT_THAT(masked("user,org"), ElementsAre("update_mask.paths[1]"));
  EXPECT_THAT(masked("user,user"), ElementsAre("update_mask.paths[1]"));
}

TEST(AdminRequests, PageTokensAreBoundToTheirList) {
  v1::ListKeysRequest request = From<v1::ListKeysRequest>(R"({"org": "acme", "user": "alice"})");
  const Page first = PageOf(request);
  EXPECT_EQ(first.size, 100u);
  EXPECT_EQ(first.after, "");
  const std::string token = MakePageToken(first.list, "key-17");
  request.set_page_token(token);
  request.set_page_size(7);
  EXPECT_THAT(Fields(request), IsEmpty());
  EXPECT_EQ(PageOf(request).after, "key-17");
  request.set_user("bob");
  EXPECT_THAT(Fields(request), ElementsAre("page_token"));
  // Another method's token, half a token, none.
  v1::ListExceptionsRequest other = From<v1::ListExceptionsRequest>(R"({"org": "acme"})");
  for (const std::string& bad : {token, token.substr(0, 10), std::string("%%"), kLong}) {
    other.set_page_token(bad);
    EXPECT_THAT(Fields(other), ElementsAre("page_token"));
  }
}

TEST(AdminRequests, EqualMessagesHaveEqualBytes) {
  v1::GetLimitRequest a, b;
  for (int i = 0; i < 30; ++i) (*a.mutable_scope())["labels.l" + std::to_string(i)] = "x";
  for (int i = 30; i-- > 0;) (*b.mutable_scope())["labels.l" + std::to_string(i)] = "x";
  EXPECT_EQ(Canonical(a), Canonical(b));
}

}  // namespace
}  // namespace quotaplane
