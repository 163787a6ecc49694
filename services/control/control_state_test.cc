#include "services/control/control_state.h"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <thread>

#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/config/price_book_reader.h"
#include "libs/policy/policy_builder.h"
#include "libs/testing/poll_until.h"
#include "services/control/item_convert.h"

namespace quotaplane {
namespace {

PolicyDocument OneLimit(std::string id, int64_t amount = 10) {
  PolicyDocument document;
  document.limits = {DailyLimit(std::move(id), {"user"}, amount)};
  return document;
}

std::string BookYaml(const std::string& version) {
  return absl::StrCat(
      "version: \"", version,
      "\"\nmodels:\n  - model: tester\n    from: 2020-01-01\n    usd_per_million: {input: 3}\n");
}

class ControlStateTest : public testing::Test {
 protected:
  ControlStateTest() { NewState(); }

  void NewState() {
    ControlStateOptions options;
    options.now_us = [this] { return now_us_.load(); };
    options.before_policies = [this](const PolicySet& next, const PolicySet& present) {
      ++before_;
      if (watch_before_) watch_before_();
      next_orgs_ = next.OrgsWithOwn();
      present_orgs_ = present.OrgsWithOwn();
    };
    state_ = std::make_unique<ControlState>(&snapshots_, &keys_, &codec_, options);
  }
  ControlItem PolicyOf(const std::string& org, int64_t version, const PolicyDocument& document) {
    return {PolicyItemName(org), ++number_, codec_.EncodePolicy(org, version, document)};
  }
  ControlItem KeyOf(const NewSecret& secret, bool revoked) {
    VirtualKey key;
    key.id = secret.id;
    key.org = "acme";
    key.hash = secret.hash;
    key.revoked = revoked;
    return {KeyItemName(key.id), ++number_, codec_.EncodeKey(key)};
  }
  std::string LimitOf(const std::string& org) {
    return snapshots_.Get()->policies->For(org).policy->document().limits[0].id;
  }
  std::string PricesInForce() { return snapshots_.Get()->prices->version(); }

  const ProtoItemCodec codec_{};
  SnapshotHolder snapshots_{{std::make_shared<const PolicySet>(*Policy::Build(OneLimit("default"))),
                             *ParsePriceBook(BookYaml("file"), "file")}};
  KeyRing keys_;
  std::atomic<int64_t> now_us_ = 1'000;
  int64_t number_ = 0;
  std::atomic<int> before_ = 0;
  std::function<void()> watch_before_;
  std::vector<std::string> next_orgs_, present_orgs_;
  std::unique_ptr<ControlState> state_;
};

TEST_F(ControlStateTest, PoliciesComeAndGo) {
  state_->Apply({PolicyOf("acme", 3, OneLimit("own")), PolicyOf("other", 1, OneLimit("its"))});
  EXPECT_EQ(LimitOf("acme"), "own");
  EXPECT_EQ(snapshots_.Get()->policies->For("acme").version, 3);
  EXPECT_EQ(LimitOf("other"), "its");
  EXPECT_EQ(LimitOf("third"), "default");
  EXPECT_EQ(before_, 1);
  EXPECT_EQ(next_orgs_, (std::vector<std::string>{"acme", "other"}));
  EXPECT_TRUE(present_orgs_.empty());
  EXPECT_EQ(state_->counts().orgs, 2);
  state_->Apply({{PolicyItemName("acme"), ++number_, ""}});
  EXPECT_EQ(LimitOf("acme"), "default");
  EXPECT_EQ(state_->counts().orgs, 1);
}

TEST_F(ControlStateTest, RaisesHoldByWhateverPolicyThereIs) {
  const RaisesItem raises{"acme", {{"e1", "own", {{Dim("user"), "alice"}}, 99, 0, 1'000'000}}};
  state_->Apply({{RaisesItemName("acme"), ++number_, codec_.EncodeRaises(raises)},
                 PolicyOf("acme", 1, OneLimit("own"))});
  const OrgPolicy& own = snapshots_.Get()->policies->For("acme");
  std::vector<AppliedLimit> applied;
  own.policy->Match(Alice(), "m", &applied);
  ASSERT_EQ(applied.size(), 1u);
  const Raise* raise = own.raises->Find(applied[0], 5);
  ASSERT_NE(raise, nullptr);
  EXPECT_EQ(raise->amount, 99);
  state_->Apply({{RaisesItemName("acme"), ++number_, ""}});
  EXPECT_TRUE(snapshots_.Get()->policies->For("acme").raises->empty());
  EXPECT_EQ(LimitOf("acme"), "own");
}

TEST_F(ControlStateTest, CurbsHoldAtOnceAndUntilTheyAreTakenAway) {
  const auto frozen = [&] {
    return snapshots_.Get()->policies->For("acme").curbs->Freeze(Alice(), "m", 5) != nullptr;
  };
  const CurbsItem curbs{"acme", {{17, true, 0, {{Dim("user"), "alice"}}, "", 0, 1'000'000}}};
  // Before the policies that come with them, which may be large, and are filled from the ledger.
  bool frozen_before = false;
  watch_before_ = [&] { frozen_before = frozen(); };
  state_->Apply({PolicyOf("acme", 1, OneLimit("own")),
                 {CurbsItemName("acme"), ++number_, codec_.EncodeCurbs(curbs)}});
  EXPECT_TRUE(frozen_before);
  EXPECT_TRUE(frozen());
  EXPECT_EQ(LimitOf("acme"), "own");
  EXPECT_EQ(before_, 1);
  // One that cannot be used changes nothing.
  state_->Apply({{CurbsItemName("acme"), ++number_, "\xff"}});
  EXPECT_TRUE(frozen());
  EXPECT_EQ(state_->counts().rejected, 1);
  state_->Apply({{CurbsItemName("acme"), ++number_, ""}});
  EXPECT_FALSE(frozen());
  EXPECT_EQ(state_->counts().rejected, 0);
  EXPECT_EQ(LimitOf("acme"), "own");
  EXPECT_EQ(before_, 1);
}

TEST_F(ControlStateTest, KeysAreKnownRevokedAndForgotten) {
  const NewSecret secret = MakeKey();
  const auto resolved = [&] { return keys_.Resolve(secret.text, 5, KeyUse::kSpend).status(); };
  EXPECT_EQ(ReasonOf(resolved()), "KEY_UNKNOWN");
  state_->Apply({KeyOf(secret, false)});
  EXPECT_TRUE(resolved().ok()) << resolved();
  EXPECT_EQ(state_->counts().keys, 1);
  state_->Apply({KeyOf(secret, true)});
  EXPECT_EQ(ReasonOf(resolved()), "KEY_REVOKED");
  state_->Apply({{KeyItemName(secret.id), ++number_, ""}});
  EXPECT_EQ(ReasonOf(resolved()), "KEY_UNKNOWN");
}

// Of many changes of two policies and two keys each: whoever sees a part of one sees the rest of
// it.
TEST_F(ControlStateTest, AChangeIsSeenWhole) {
  const NewSecret secrets[] = {MakeKey(), MakeKey()};
  const auto change = [&](int64_t round) {
    const int64_t number = number_ + 1;
    std::vector<ControlItem> items = {
        KeyOf(secrets[0], false), PolicyOf("acme", round, OneLimit("own", round)),
        KeyOf(secrets[1], false), PolicyOf("other", round, OneLimit("its", round))};
    for (size_t i : {0, 2}) {
      VirtualKey key = *codec_.DecodeKey(items[i].body);
      key.team = absl::StrCat(round);
      items[i].body = codec_.EncodeKey(key);
    }
    for (ControlItem& item : items) item.number = number;
    state_->Apply(items);
  };
  change(1);
  const auto key_round = [&](int i) {
    return std::stoll((*keys_.Resolve(secrets[i].text, 1, KeyUse::kSpend))->team);
  };
  std::atomic<bool> stop = false;
  std::atomic<int> looks = 0, mixed = 0;
  std::thread watcher([&] {
    while (!stop) {
      const int64_t first = key_round(0);
      const auto snapshot = snapshots_.Get();
      const int64_t own = snapshot->policies->For("acme").version;
      const int64_t its = snapshot->policies->For("other").version;
      const int64_t last = key_round(1);
      mixed += first <= own && own == its && its <= last ? 0 : 1;
      ++looks;
    }
  });
  while (looks < 100) std::this_thread::yield();
  for (int64_t round = 2; round <= 300; ++round) change(round);
  stop = true;
  watcher.join();
  EXPECT_EQ(mixed, 0) << "of " << looks;
}

TEST_F(ControlStateTest, ARevocationDoesNotWaitForTheNextChangesPolicy) {
  const NewSecret secret = MakeKey();
  state_->Apply({KeyOf(secret, false)});
  bool revoked_before = false;
  watch_before_ = [&] { revoked_before = !keys_.Resolve(secret.text, 1, KeyUse::kSpend).ok(); };
  state_->Apply({KeyOf(secret, true), PolicyOf("acme", 1, OneLimit("own"))});
  EXPECT_TRUE(revoked_before);
}

TEST_F(ControlStateTest, WhatItCannotUseStaysAsItWas) {
  state_->Apply({PolicyOf("acme", 1, OneLimit("own"))});
  PolicyDocument broken = OneLimit("own", 20);
  broken.limits.push_back(broken.limits[0]);  // two of one id
  const NewSecret secret = MakeKey();
  state_->Apply({PolicyOf("acme", 2, broken),
                 PolicyOf("other", 1, OneLimit("its")),
                 KeyOf(secret, false),
                 {"something/new", ++number_, "x"},
                 {std::string(kPricesItemName), ++number_, "\xff"}});
  EXPECT_EQ(snapshots_.Get()->policies->For("acme").version, 1);
  EXPECT_EQ(LimitOf("other"), "its");
  EXPECT_EQ(PricesInForce(), "file");
  EXPECT_EQ(state_->counts().keys, 1);
  EXPECT_EQ(state_->counts().rejected, 3);
  // The next one can be used.
  state_->Apply({PolicyOf("acme", 3, OneLimit("next"))});
  EXPECT_EQ(LimitOf("acme"), "next");
  EXPECT_EQ(state_->counts().rejected, 2);
}

TEST_F(ControlStateTest, PriceBooksStartAtTheirTime) {
  const PricesItem prices{{{1, 500, BookYaml("one")}, {2, 2'000, BookYaml("two")}}};
  state_->Apply({{std::string(kPricesItemName), ++number_, codec_.EncodePrices(prices)}});
  EXPECT_EQ(PricesInForce(), "one");
  now_us_ = 1'999;
  state_->SetFilePrices(*ParsePriceBook(BookYaml("next file"), "file"));
  EXPECT_EQ(PricesInForce(), "one");
  now_us_ = 2'000;
  EXPECT_TRUE(fixtures::PollUntil(absl::Seconds(30), [&] { return PricesInForce() == "two"; }));
  // Here it is earlier than where the book was activated: the one before goes on.
  const PricesItem ahead{{{3, 2'500, BookYaml("three")}}};
  state_->Apply({{std::string(kPricesItemName), ++number_, codec_.EncodePrices(ahead)}});
  EXPECT_EQ(PricesInForce(), "two");
  now_us_ = 2'500;
  EXPECT_TRUE(fixtures::PollUntil(absl::Seconds(30), [&] { return PricesInForce() == "three"; }));
  state_->Apply({{std::string(kPricesItemName), ++number_, ""}});
  EXPECT_EQ(PricesInForce(), "next file");
}

}  // namespace
}  // namespace quotaplane
