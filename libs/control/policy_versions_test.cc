// The life of policy versions, over both databases.
#include "libs/control/policy_versions.h"

#include <atomic>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/config/policy_reader.h"
#include "libs/control/item_source.h"
#include "libs/control/policy_rules.h"
#include "libs/control/test_control.h"
#include "libs/control/test_policies.h"

namespace quotaplane {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

class PolicyVersionsTest : public PoliciesTest {};

TEST_P(PolicyVersionsTest, FromTheDefaultPolicyToTheFirstVersion) {
  const PolicyVersion initial = ValueOf(policies_.Get("acme", 0));
  EXPECT_EQ(initial.version, 0);
  EXPECT_EQ(initial.state, PolicyState::kActive);
  EXPECT_EQ(initial.etag, "");
  EXPECT_THAT(initial.yaml, HasSubstr("id: default-month"));
  EXPECT_THAT(initial.yaml, Not(HasSubstr("retention")));
  EXPECT_THAT(ValueOf(policies_.List("acme", 0, 10)), IsEmpty());

  const PolicyVersion draft = ValueOf(policies_.CreateDraft(Request("CreateDraft"), Amount("900")));
  EXPECT_EQ(draft.version, 1);
  EXPECT_EQ(draft.state, PolicyState::kDraft);
  EXPECT_EQ(draft.base_version, 0);
  EXPECT_EQ(draft.author, "token:ann");
  EXPECT_EQ(draft.reason, "why");
  EXPECT_EQ(draft.created_at_us, kNowUs);
  EXPECT_EQ(draft.yaml, "");
  EXPECT_THAT(Item(), IsEmpty());
  PolicyVersion read = ValueOf(policies_.Get("acme", 1));
  EXPECT_THAT(read.yaml, HasSubstr("amount: 900"));
  read.yaml.clear();
  EXPECT_EQ(read, draft);
  EXPECT_EQ(ValueOf(policies_.Get("acme", 0)).version, 0);

  now_us_ += kHourUs;
  const PolicyVersion active =
      ValueOf(policies_.Activate(Request("ActivatePolicy", "token:bob"), 1, draft.etag));
  EXPECT_EQ(active.state, PolicyState::kActive);
  EXPECT_EQ(active.activated_at_us, now_us_);
  EXPECT_EQ(active.activated_by, "token:bob");
  EXPECT_EQ(active.fingerprint, draft.fingerprint);
  EXPECT_NE(active.etag, draft.etag);
  EXPECT_EQ(Item(), absl::StrCat("acme|1|", active.fingerprint));
  EXPECT_EQ(ValueOf(policies_.Get("acme", 0)).version, 1);
  EXPECT_EQ(ValueOf(policies_.Load("acme", 0)).version, 1);
  EXPECT_EQ(ValueOf(policies_.Load("acme", 0)).policy->fingerprint(), active.fingerprint);
  EXPECT_EQ(ValueOf(policies_.Load("other", 0)).version, 0);
}

TEST_P(PolicyVersionsTest, OneAfterTheOther) {
  const PolicyVersion first = PutAmount("100");
  now_us_ += kHourUs;
  const PolicyVersion second = PutAmount("200");
  EXPECT_EQ(second.base_version, 1);
  const PolicyVersion former = ValueOf(policies_.Get("acme", 1));
  EXPECT_EQ(former.state, PolicyState::kSuperseded);
  EXPECT_EQ(former.superseded_at_us, now_us_);
  EXPECT_EQ(former.activated_at_us, kNowUs);
  EXPECT_THAT(former.yaml, HasSubstr("amount: 100"));
  // What was active once is not activated again, nor what is.
  for (const int64_t version : {1, 2}) {
    const PolicyVersion there = ValueOf(policies_.Get("acme", version));
    EXPECT_EQ(Refusal([&] {
                return policies_.Activate(Request("ActivatePolicy"), version, there.etag).status();
              }),
              "FAILED_PRECONDITION WRONG_STATE");
    EXPECT_EQ(Refusal([&] {
                return policies_.Discard(Request("DiscardDraft"), version, there.etag).status();
              }),
              "FAILED_PRECONDITION WRONG_STATE");
  }
  const PolicyVersion draft = ValueOf(policies_.CreateDraft(Request("CreateDraft"), Amount("300")));
  const PolicyVersion discarded =
      ValueOf(policies_.Discard(Request("DiscardDraft"), draft.version, draft.etag));
  EXPECT_EQ(discarded.state, PolicyState::kDiscarded);
  EXPECT_EQ(Refusal([&] {
              return policies_
                  .Activate(Request("ActivatePolicy"), discarded.version, discarded.etag)
                  .status();
            }),
            "FAILED_PRECONDITION WRONG_STATE");
  std::vector<int64_t> listed;
  for (const PolicyVersion& version : ValueOf(policies_.List("acme", 0, 2))) {
    EXPECT_EQ(version.yaml, "");
    listed.push_back(version.version);
  }
  EXPECT_THAT(listed, ElementsAre(3, 2));
  EXPECT_THAT(ValueOf(policies_.List("acme", 2, 2)), SizeIs(1));
  EXPECT_EQ(ValueOf(policies_.List("acme", 2, 2))[0].version, 1);
  EXPECT_EQ(ValueOf(policies_.Get("acme", 0)).version, 2);
}

TEST_P(PolicyVersionsTest, EditsAreOfTheDraft) {
  PutAmount("100");
  PolicyVersion draft = ValueOf(policies_.CreateDraft(Request("CreateDraft"), Amount("200")));
  const std::string old_etag = draft.etag;
  draft = ValueOf(policies_.UpdateDraft(Request("UpdateDraft", "token:bob"), draft.version,
                                        draft.etag, Edits({SetAmountFor("alice", 500)})));
  EXPECT_EQ(draft.author, "token:ann");
  const PolicyVersion read = ValueOf(policies_.Get("acme", draft.version));
  EXPECT_THAT(read.yaml, HasSubstr("amount: 200"));
  EXPECT_THAT(read.yaml, HasSubstr("alice"));
  EXPECT_THAT(read.yaml, HasSubstr("500"));
  EXPECT_EQ(Refusal([&] {
              return policies_
                  .UpdateDraft(Request("UpdateDraft"), draft.version, old_etag, Amount("1"))
                  .status();
            }),
            "ABORTED ETAG_MISMATCH");
  EXPECT_EQ(
      ValueOf(policies_.Activate(Request("ActivatePolicy"), draft.version, draft.etag)).fingerprint,
      read.fingerprint);
}

// Of two who change one draft at once, one wins and the other is told.
TEST_P(PolicyVersionsTest, TwoAdminsOnOneDraft) {
  PolicyVersion draft = ValueOf(policies_.CreateDraft(Request("CreateDraft"), Amount("1")));
  for (int round = 0; round < 10; ++round) {
    std::vector<ChangeRequest> requests = {Request("UpdateDraft"),
                                           Request("UpdateDraft", "token:bob")};
    std::vector<std::string> outcomes(2);
    {
      std::vector<std::jthread> admins;
      for (size_t i = 0; i < 2; ++i) {
        admins.emplace_back([&, i] {
          outcomes[i] = CodeAndReason(
              policies_
                  .UpdateDraft(requests[i], draft.version, draft.etag,
                               Amount(absl::StrCat(100 * (round + 1) + static_cast<int>(i))))
                  .status());
        });
      }
    }
    std::sort(outcomes.begin(), outcomes.end());
    EXPECT_THAT(outcomes, ElementsAre("ABORTED ETAG_MISMATCH", "OK"));
    draft = ValueOf(policies_.Get("acme", draft.version));
  }
}

// Two drafts from one base: activating the second would undo the first without a word.
TEST_P(PolicyVersionsTest, ADraftOfAnotherBaseIsNotActivated) {
  PutAmount("100");
  const PolicyVersion one = ValueOf(policies_.CreateDraft(Request("CreateDraft"), Amount("200")));
  PolicyVersion other =
      ValueOf(policies_.CreateDraft(Request("CreateDraft"), Edits({SetAmountFor("alice", 7)})));
  ValueOf(policies_.Activate(Request("ActivatePolicy"), one.version, one.etag));
  EXPECT_EQ(
      Refusal([&] {
        return policies_.Activate(Request("ActivatePolicy"), other.version, other.etag).status();
      }),
      "FAILED_PRECONDITION BASE_CHANGED");
  EXPECT_EQ(Refusal([&] {
              return policies_
                  .Approve(Request("ApprovePolicy", "token:bob"), other.version, other.etag)
                  .status();
            }),
            "FAILED_PRECONDITION BASE_CHANGED");
  // Edits of it would keep what it was made from.
  EXPECT_EQ(Refusal([&] {
              return policies_
                  .UpdateDraft(Request("UpdateDraft"), other.version, other.etag,
                               Edits({SetAmountFor("bob", 8)}))
                  .status();
            }),
            "FAILED_PRECONDITION BASE_CHANGED");
  // Nor does a whole document say by itself that its author has seen the other version.
  const auto update = [&](int64_t seen) {
    return policies_.UpdateDraft(Request("UpdateDraft"), other.version, other.etag, Amount("300"),
                                 {.base_version = seen});
  };
  for (const int64_t seen : {int64_t{0}, other.base_version, other.version, one.version + 9}) {
    EXPECT_EQ(Refusal([&] { return update(seen).status(); }), "ABORTED BASE_CHANGED") << seen;
  }
  EXPECT_EQ(MetadataOf(update(0).status()).at("active_version"), absl::StrCat(one.version));
  other = ValueOf(update(one.version));
  EXPECT_EQ(other.base_version, one.version);
  ValueOf(policies_.Activate(Request("ActivatePolicy"), other.version, other.etag));
  EXPECT_EQ(ValueOf(policies_.Get("acme", 0)).version, other.version);
}

TEST_P(PolicyVersionsTest, ANewDraftMaySayWhatItWasMadeFrom) {
  const PolicyVersion active = PutAmount("100");
  const auto create = [&](int64_t seen) {
    return policies_.CreateDraft(Request("CreateDraft"), Amount("200"), {.base_version = seen});
  };
  EXPECT_EQ(Refusal([&] { return create(active.version + 1).status(); }), "ABORTED BASE_CHANGED");
  EXPECT_EQ(ValueOf(create(active.version)).base_version, active.version);
}

// Approved, and then another version came into force: a new document, approved anew.
TEST_P(PolicyVersionsTest, AChangeTakesApprovalsBack) {
  ValueOf(policies_.Put(Request("PutPolicy"), Amount("100", /*approvals=*/1), ""));
  const auto approve = [&](const PolicyVersion& draft, const std::string& actor) {
    return policies_.Approve(Request("ApprovePolicy", actor), draft.version, draft.etag);
  };
  PolicyVersion draft =
      ValueOf(policies_.CreateDraft(Request("CreateDraft"), Amount("200", /*approvals=*/1)));
  draft = ValueOf(approve(draft, "token:bob"));
  PolicyVersion first =
      ValueOf(policies_.CreateDraft(Request("CreateDraft"), Amount("150", /*approvals=*/1)));
  first = ValueOf(approve(first, "token:bob"));
  first = ValueOf(policies_.Activate(Request("ActivatePolicy"), first.version, first.etag));
  const auto update = [&](DraftOptions options) {
    return policies_.UpdateDraft(Request("UpdateDraft"), draft.version, draft.etag,
                                 Amount("250", /*approvals=*/1), options);
  };
  EXPECT_EQ(Refusal([&] { return update({.base_version = first.version}).status(); }),
            "FAILED_PRECONDITION WRONG_STATE");
  EXPECT_EQ(Refusal([&] { return update({.drop_approvals = true}).status(); }),
            "ABORTED BASE_CHANGED");
  draft = ValueOf(update({.base_version = first.version, .drop_approvals = true}));
  EXPECT_THAT(draft.approvals, IsEmpty());
  EXPECT_EQ(ValueOf(policies_.Get("acme", draft.version)).approvals, draft.approvals);
  EXPECT_EQ(
      Refusal([&] {
        return policies_.Activate(Request("ActivatePolicy"), draft.version, draft.etag).status();
      }),
      "FAILED_PRECONDITION NOT_APPROVED");
  draft = ValueOf(approve(draft, "token:bob"));
  ValueOf(policies_.Activate(Request("ActivatePolicy"), draft.version, draft.etag));
}

// Two activations at once of drafts from one base: one of them.
TEST_P(PolicyVersionsTest, TwoActivationsAtOnce) {
  for (int round = 0; round < 5; ++round) {
    std::vector<PolicyVersion> drafts;
    std::vector<ChangeRequest> requests;
    for (int i = 0; i < 2; ++i) {
      drafts.push_back(ValueOf(
          policies_.CreateDraft(Request("CreateDraft"), Amount(absl::StrCat(1 + 2 * round + i)))));
      requests.push_back(Request("ActivatePolicy"));
    }
    std::vector<std::string> outcomes(2);
    {
      std::vector<std::jthread> admins;
      for (size_t i = 0; i < 2; ++i) {
        admins.emplace_back([&, i] {
          outcomes[i] = CodeAndReason(
              policies_.Activate(requests[i], drafts[i].version, drafts[i].etag).status());
        });
      }
    }
    std::sort(outcomes.begin(), outcomes.end());
    EXPECT_THAT(outcomes, ElementsAre("FAILED_PRECONDITION BASE_CHANGED", "OK"));
    EXPECT_EQ(Count("SELECT COUNT(*) FROM policy_versions WHERE state = 'active'"), 1);
  }
}

TEST_P(PolicyVersionsTest, ApprovalsByOthersAsTheActivePolicyAsks) {
  ValueOf(policies_.Put(Request("PutPolicy"), Amount("100", /*approvals=*/2), ""));
  // It waives approvals, of versions to come.
  PolicyVersion draft =
      ValueOf(policies_.CreateDraft(Request("CreateDraft"), Amount("200", /*approvals=*/0)));
  EXPECT_EQ(draft.approvals_needed, 2);
  draft = ValueOf(policies_.UpdateDraft(Request("UpdateDraft", "token:bob"), draft.version,
                                        draft.etag, Edits({SetAmountFor("alice", 5)})));
  const auto approve = [&](const std::string& actor) {
    return policies_.Approve(Request("ApprovePolicy", actor), draft.version, draft.etag);
  };
  const auto activate = [&] {
    return policies_.Activate(Request("ActivatePolicy"), draft.version, draft.etag).status();
  };
  EXPECT_EQ(Refusal(activate), "FAILED_PRECONDITION NOT_APPROVED");
  for (const char* author : {"token:ann", "token:bob"}) {
    EXPECT_EQ(Refusal([&] { return approve(author).status(); }), "PERMISSION_DENIED OWN_CHANGE");
  }
  now_us_ += kHourUs;
  draft = ValueOf(approve("token:cy"));
  EXPECT_THAT(draft.approvals, ElementsAre(PolicyApproval{"token:cy", now_us_, "why"}));
  EXPECT_EQ(Refusal(activate), "FAILED_PRECONDITION NOT_APPROVED");
  EXPECT_EQ(MetadataOf(activate()).at("approvals"), "1");
  EXPECT_EQ(MetadataOf(activate()).at("needed"), "2");
  EXPECT_EQ(Refusal([&] { return approve("token:cy").status(); }),
            "FAILED_PRECONDITION ALREADY_APPROVED");
  // What is approved is not changed under the approver's hands.
  EXPECT_EQ(Refusal([&] {
              return policies_
                  .UpdateDraft(Request("UpdateDraft"), draft.version, draft.etag, Amount("9999"))
                  .status();
            }),
            "FAILED_PRECONDITION WRONG_STATE");
  draft = ValueOf(approve("token:dee"));
  EXPECT_EQ(ValueOf(policies_.Get("acme", draft.version)).approvals, draft.approvals);
  EXPECT_EQ(ValueOf(policies_.List("acme", 0, 1))[0].approvals, draft.approvals);
  const PolicyVersion active =
      ValueOf(policies_.Activate(Request("ActivatePolicy"), draft.version, draft.etag));
  EXPECT_THAT(active.approvals, SizeIs(2));
  EXPECT_EQ(active.approvals_needed, 0);
  // From now on none is needed.
  PutAmount("400");
}

TEST_P(PolicyVersionsTest, MoreApprovalsThanAnyPolicyAsksFor) {
  PolicyVersion draft = ValueOf(policies_.CreateDraft(Request("CreateDraft"), Amount("1")));
  for (int i = 0; i < kMaxApprovals; ++i) {
    draft = ValueOf(policies_.Approve(Request("ApprovePolicy", absl::StrCat("token:", i)),
                                      draft.version, draft.etag));
  }
  EXPECT_EQ(Refusal([&] {
              return policies_
                  .Approve(Request("ApprovePolicy", "token:x"), draft.version, draft.etag)
                  .status();
            }),
            "RESOURCE_EXHAUSTED TOO_MANY");
}

TEST_P(PolicyVersionsTest, WhatIsApprovedIsWhatWasRead) {
  PolicyVersion draft = ValueOf(policies_.CreateDraft(Request("CreateDraft"), Amount("1")));
  const std::string read = draft.etag;
  draft = ValueOf(
      policies_.UpdateDraft(Request("UpdateDraft"), draft.version, draft.etag, Amount("9999")));
  for (const std::string& etag : {read, std::string(), std::string("nonsense")}) {
    EXPECT_EQ(Refusal([&] {
                return policies_.Approve(Request("ApprovePolicy", "token:bob"), draft.version, etag)
                    .status();
              }),
              "ABORTED ETAG_MISMATCH");
    EXPECT_EQ(Refusal([&] {
                return policies_.Activate(Request("ActivatePolicy"), draft.version, etag).status();
              }),
              "ABORTED ETAG_MISMATCH");
    EXPECT_EQ(Refusal([&] {
                return policies_.Discard(Request("DiscardDraft"), draft.version, etag).status();
              }),
              "ABORTED ETAG_MISMATCH");
  }
}

TEST_P(PolicyVersionsTest, Rollbacks) {
  EXPECT_EQ(Refusal([&] { return policies_.Rollback(Request("Rollback"), 0, "").status(); }),
            "NOT_FOUND");
  const PolicyVersion one = PutAmount("100");
  EXPECT_EQ(Refusal([&] { return policies_.Rollback(Request("Rollback"), 0, "").status(); }),
            "NOT_FOUND");
  const PolicyVersion two = PutAmount("200");
  EXPECT_EQ(Refusal([&] { return policies_.Rollback(Request("Rollback"), 0, one.etag).status(); }),
            "ABORTED ETAG_MISMATCH");
  const PolicyVersion three = ValueOf(policies_.Rollback(Request("Rollback"), 0, two.etag));
  EXPECT_EQ(three.version, 3);
  EXPECT_EQ(three.state, PolicyState::kActive);
  EXPECT_EQ(three.base_version, 2);
  EXPECT_EQ(three.fingerprint, one.fingerprint);
  EXPECT_EQ(ValueOf(policies_.Get("acme", 3)).yaml, ValueOf(policies_.Get("acme", 1)).yaml);
  EXPECT_EQ(Item(), absl::StrCat("acme|3|", one.fingerprint));
  EXPECT_EQ(ValueOf(policies_.Rollback(Request("Rollback"), 0, "")).fingerprint, two.fingerprint);
  EXPECT_EQ(ValueOf(policies_.Rollback(Request("Rollback"), 1, "")).fingerprint, one.fingerprint);
  const PolicyVersion draft = ValueOf(policies_.CreateDraft(Request("CreateDraft"), Amount("9")));
  for (const int64_t version : {draft.version, int64_t{5}}) {  // a draft, and the active one
    EXPECT_EQ(
        Refusal([&] { return policies_.Rollback(Request("Rollback"), version, "").status(); }),
        "FAILED_PRECONDITION WRONG_STATE");
  }
  EXPECT_EQ(Refusal([&] { return policies_.Rollback(Request("Rollback"), 99, "").status(); }),
            "NOT_FOUND");
}

// Otherwise whoever may roll back could get around the approvals that were introduced since.
TEST_P(PolicyVersionsTest, ARollbackDoesNotWaiveApprovals) {
  PutAmount("100");
  ValueOf(policies_.Put(Request("PutPolicy"), Amount("200", /*approvals=*/2), ""));
  const PolicyVersion back = ValueOf(policies_.Rollback(Request("Rollback"), 1, ""));
  EXPECT_EQ(back.approvals_needed, 2);
  EXPECT_THAT(ValueOf(policies_.Get("acme", 0)).yaml, HasSubstr("amount: 100"));
  EXPECT_EQ(ValueOf(policies_.Put(Request("PutPolicy"), Amount("300"), "")).version.state,
            PolicyState::kDraft);
}

TEST_P(PolicyVersionsTest, PutIsInForceAtOnceUnlessApprovalsAreNeeded) {
  PutPolicyOutcome put =
      ValueOf(policies_.Put(Request("SetLimit"), Edits({SetAmountFor("alice", 500)}), ""));
  EXPECT_EQ(put.limit_id, "default-month");
  EXPECT_EQ(put.version.version, 1);
  EXPECT_EQ(put.version.state, PolicyState::kActive);
  EXPECT_EQ(Item(), absl::StrCat("acme|1|", put.version.fingerprint));
  // What is so already makes no version.
  const PutPolicyOutcome same = ValueOf(
      policies_.Put(Request("SetLimit"), Edits({SetAmountFor("alice", 500)}), put.version.etag));
  EXPECT_EQ(same.version, put.version);
  EXPECT_EQ(same.limit_id, "default-month");
  EXPECT_EQ(Refusal([&] {
              return policies_
                  .Put(Request("SetLimit"), Edits({SetAmountFor("alice", 600)}), "nonsense")
                  .status();
            }),
            "ABORTED ETAG_MISMATCH");
  ValueOf(policies_.Put(Request("SetLimit"), Amount("100", /*approvals=*/1), put.version.etag));
  put = ValueOf(policies_.Put(Request("SetLimit"), Edits({SetAmountFor("alice", 600)}), ""));
  EXPECT_EQ(put.version.version, 3);
  EXPECT_EQ(put.version.state, PolicyState::kDraft);
  EXPECT_EQ(ValueOf(policies_.Get("acme", 0)).version, 2);
}

TEST_P(PolicyVersionsTest, AdminsAtOnceLoseNothing) {
  constexpr int kAdmins = 4, kEach = 5;
  std::atomic<int> failed = 0;
  {
    std::vector<std::jthread> admins;
    for (int a = 0; a < kAdmins; ++a) {
      admins.emplace_back([&, a] {
        for (int i = 0; i < kEach; ++i) {
          const ChangeRequest request = {
              "acme", "token:ann", "", "SetLimit", absl::StrCat(a, "/", i), "d", "", kNowUs};
          if (!policies_.Put(request, Edits({SetAmountFor(absl::StrCat("u", a, "-", i), 7)}), "")
                   .ok()) {
            ++failed;
          }
        }
      });
    }
  }
  EXPECT_EQ(failed, 0);
  const PolicyVersion active = ValueOf(policies_.Get("acme", 0));
  EXPECT_EQ(active.version, kAdmins * kEach);
  for (int a = 0; a < kAdmins; ++a) {
    for (int i = 0; i < kEach; ++i) {
      EXPECT_THAT(active.yaml, HasSubstr(absl::StrCat("u", a, "-", i)));
    }
  }
  EXPECT_THAT(Chain(), SizeIs(kAdmins * kEach));
}

TEST_P(PolicyVersionsTest, ARepeatedRequestIsAnsweredAsTheFirstTime) {
  const ChangeRequest create = Request("CreateDraft");
  const PolicyVersion draft = ValueOf(policies_.CreateDraft(create, Amount("100")));
  const ChangeRequest activate = Request("ActivatePolicy");
  const PolicyVersion active = ValueOf(policies_.Activate(activate, draft.version, draft.etag));
  const ChangeRequest set = Request("SetLimit");
  const PutPolicyOutcome put =
      ValueOf(policies_.Put(set, Edits({SetAmountFor("alice", 5)}), active.etag));
  const ChangeRequest back = Request("Rollback");
  const PolicyVersion rolled = ValueOf(policies_.Rollback(back, 0, put.version.etag));
  const auto before = Everything();
  EXPECT_EQ(ValueOf(policies_.CreateDraft(create, Amount("100"))), draft);
  EXPECT_EQ(ValueOf(policies_.Activate(activate, draft.version, draft.etag)), active);
  const PutPolicyOutcome again =
      ValueOf(policies_.Put(set, Edits({SetAmountFor("alice", 5)}), active.etag));
  EXPECT_EQ(again.version, put.version);
  EXPECT_EQ(again.limit_id, put.limit_id);
  EXPECT_EQ(ValueOf(policies_.Rollback(back, 0, put.version.etag)), rolled);
  EXPECT_EQ(Everything(), before);
  EXPECT_THAT(Chain(), SizeIs(4));
}

TEST_P(PolicyVersionsTest, BadInputChangesNothing) {
  PutAmount("100");
  const PolicyVersion draft = ValueOf(policies_.CreateDraft(Request("CreateDraft"), Amount("200")));
  const std::vector<std::pair<PolicyInput, std::string>> inputs = {
      {"", "yaml"},
      {"limits: [", "yaml"},
      {"limits: []\nretention: {entries: 400d}\n", "retention"},
      {"limits: [{id: a, unit: usd, amount: -1, window: day, on_outage: deny}]\n", "amount"},
      {"limits: []\nnonsense: 1\n", "nonsense"},
      {std::string("limits: []\n#\xff\n"), ""},
      {std::string("limits: []\n#\0\n", 14), ""},
      {Edits({}), "edits"},
      {Edits(std::vector<PolicyEdit>(1'001, SetAmountFor("alice", 5))), "edits"},
      {Edits({SetAmountFor("alice", -5)}), "edits"},
      {Edits({SetAmountFor("alice", 5), SetAmountFor("alice", kMaxAmount / 1'000'000'000 + 1)}),
       "edits"},
  };
  for (const auto& [input, field] : inputs) {
    for (const auto& status : {
             policies_.Validate("acme", input).status(),
             RefusedStatus([&, &input = input] {
               return policies_.CreateDraft(Request("CreateDraft"), input).status();
             }),
             RefusedStatus([&, &input = input] {
               return policies_
                   .UpdateDraft(Request("UpdateDraft"), draft.version, draft.etag, input)
                   .status();
             }),
             RefusedStatus([&, &input = input] {
               return policies_.Put(Request("SetLimit"), input, "").status();
             }),
         }) {
      EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
      EXPECT_THAT(std::string(status.message()), HasSubstr(field));
      EXPECT_THAT(FieldViolationsOf(status), Not(IsEmpty())) << status;
    }
  }
  EXPECT_EQ(Refusal([&] {
              return policies_.CreateDraft(Request("CreateDraft"), Edits({RemoveLimitEdit("none")}))
                  .status();
            }),
            "NOT_FOUND");
  EXPECT_EQ(Refusal([&] {
              return policies_
                  .Put(Request("SetLimit"), Edits({SetAmountFor("alice", 5, "none")}), "")
                  .status();
            }),
            "NOT_FOUND");
  for (const int64_t version : {int64_t{0}, int64_t{-1}, int64_t{99}, INT64_MAX}) {
    EXPECT_EQ(Refusal([&] {
                return policies_.Activate(Request("ActivatePolicy"), version, draft.etag).status();
              }),
              "NOT_FOUND");
  }
  EXPECT_EQ(CodeAndReason(policies_.Get("acme", 99).status()), "NOT_FOUND");
  EXPECT_EQ(CodeAndReason(policies_.Get("other", 1).status()), "NOT_FOUND");
  EXPECT_EQ(CodeAndReason(policies_.Load("acme", 99).status()), "NOT_FOUND");
}

TEST_P(PolicyVersionsTest, ValidateWritesNothing) {
  const auto before = Everything();
  const PolicyVersion checked = ValueOf(policies_.Validate("acme", Amount("900")));
  EXPECT_EQ(checked.version, 0);
  EXPECT_THAT(checked.yaml, HasSubstr("amount: 900"));
  EXPECT_EQ(Everything(), before);
  EXPECT_THAT(Chain(), IsEmpty());
  EXPECT_EQ(ValueOf(policies_.CreateDraft(Request("CreateDraft"), Amount("900"))).fingerprint,
            checked.fingerprint);
}

TEST_P(PolicyVersionsTest, DraftsAreBounded) {
  for (int64_t i = 0; i < kMaxPolicyDrafts; ++i) {
    ValueOf(policies_.CreateDraft(Request("CreateDraft"), Amount("1")));
  }
  EXPECT_EQ(
      Refusal([&] { return policies_.CreateDraft(Request("CreateDraft"), Amount("1")).status(); }),
      "RESOURCE_EXHAUSTED TOO_MANY");
  ValueOf(policies_.Discard(Request("DiscardDraft"), 1, ValueOf(policies_.Get("acme", 1)).etag));
  ValueOf(policies_.CreateDraft(Request("CreateDraft"), Amount("1")));
}

TEST_P(PolicyVersionsTest, AnAuditorReadsWhatChanged) {
  ValueOf(policies_.Put(Request("PutPolicy"), Amount("100", /*approvals=*/1), ""));
  PolicyVersion draft = ValueOf(policies_.CreateDraft(Request("CreateDraft"), Amount("200")));
  draft =
      ValueOf(policies_.Approve(Request("ApprovePolicy", "token:bob"), draft.version, draft.etag));
  ValueOf(policies_.Activate(Request("ActivatePolicy"), draft.version, draft.etag));
  ValueOf(policies_.Rollback(Request("RollbackPolicy"), 1, ""));
  const std::vector<AuditRow> chain = Chain();
  ASSERT_THAT(chain, SizeIs(5));
  EXPECT_EQ(chain[0].before, "");
  EXPECT_EQ(chain[1].target, "policy/2");
  EXPECT_THAT(chain[1].after, HasSubstr(R"("version":2,"state":"draft")"));
  EXPECT_THAT(chain[1].after, HasSubstr("amount"));
  EXPECT_THAT(chain[1].after, HasSubstr(R"("before":"100")"));
  EXPECT_THAT(chain[1].after, HasSubstr(R"("after":"200")"));
  EXPECT_THAT(chain[2].before, HasSubstr(R"("approvals":[])"));
  EXPECT_THAT(chain[2].after, HasSubstr(R"("approvals":["token:bob"])"));
  EXPECT_EQ(chain[2].reason, "why");
  EXPECT_THAT(chain[3].before, HasSubstr(R"("version":1,"state":"active")"));
  EXPECT_THAT(chain[3].after, HasSubstr(R"("version":2,"state":"active")"));
  EXPECT_THAT(chain[3].after, HasSubstr(R"("before":"100")"));
  EXPECT_EQ(chain[4].target, "policy/3");
  EXPECT_THAT(chain[4].after, HasSubstr(R"("copy_of":1)"));
  // A large change is not listed whole.
  std::string yaml = Yaml("100") + "    overrides:\n";
  for (int i = 0; i < 5'000; ++i) {
    absl::StrAppend(&yaml, "      - {user: user-", i, ", amount: 7}\n");
  }
  ValueOf(policies_.CreateDraft(Request("CreateDraft"), yaml));
  const std::string after = Chain().back().after;
  EXPECT_LE(after.size(), size_t{8'192});
  EXPECT_GT(after.size(), size_t{4'000});
  EXPECT_THAT(after, HasSubstr("unlisted_changes"));
}

QP_OVER_BOTH_DATABASES(PolicyVersionsTest);

}  // namespace
}  // namespace quotaplane
