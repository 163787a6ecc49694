#include "services/control/control_state.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/absl_view.h"
#include "libs/base/status_macros.h"
#include "libs/config/price_book_reader.h"
#include "libs/control/log_item.h"
#include "libs/log/log.h"

namespace quotaplane {
namespace {

constexpr std::string_view kPolicyPrefix = "policy/";
constexpr std::string_view kRaisesPrefix = "raises/";
constexpr std::string_view kCurbsPrefix = "curbs/";
constexpr std::string_view kKeyPrefix = "key/";

// How often it is looked whether it is a book's time: a clock may be set.
constexpr std::chrono::milliseconds kScheduleTick(100);

bool IsPolicyItem(std::string_view name) {
  return name.starts_with(kPolicyPrefix) || name.starts_with(kRaisesPrefix);
}

}  // namespace

ControlState::ControlState(SnapshotHolder* snapshots, KeyRing* keys, const ItemCodec* codec,
                           ControlStateOptions options)
    : snapshots_(snapshots),
      keys_(keys),
      codec_(codec),
      options_(std::move(options)),
      file_prices_(snapshots->Get()->prices),
      in_force_(file_prices_),
      schedule_([this] { RunSchedule(); }) {}

ControlState::~ControlState() {
  {
    MutexLock lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  schedule_.join();
}

ItemSink::Counts ControlState::counts() const {
  const std::shared_ptr<const Snapshot> snapshot = snapshots_->Get();
  Counts counts;
  counts.keys = static_cast<int64_t>(keys_->size());
  counts.orgs = static_cast<int64_t>(snapshot->policies->OrgsWithOwn().size());
  MutexLock lock(mutex_);
  counts.rejected = static_cast<int64_t>(rejected_.size());
  return counts;
}

void ControlState::Apply(const std::vector<ControlItem>& items) {
  absl::flat_hash_set<int64_t> with_policies;
  for (const ControlItem& item : items) {
    if (IsPolicyItem(item.name)) with_policies.insert(item.number);
  }
  std::vector<const ControlItem*> policies;
  std::vector<const ControlItem*> curbs;
  std::vector<KeyRing::Change> keys;
  std::vector<KeyRing::Change> keys_alone;  // of changes without a policy
  for (const ControlItem& item : items) {
    if (IsPolicyItem(item.name)) {
      policies.push_back(&item);
    } else if (item.name.starts_with(kCurbsPrefix)) {
      curbs.push_back(&item);
    } else if (item.name.starts_with(kKeyPrefix)) {
      const bool alone = !with_policies.contains(item.number);
      Note(item, ReadKeyItem(item, alone ? &keys_alone : &keys));
    } else if (item.name == kPricesItemName) {
      Note(item, ApplyPrices(item));
    } else if (item.name == kLogItemName) {
      Note(item, ApplyLog(item));
    } else {
      Note(item, item.body.empty() ? absl::OkStatus()
                                   : absl::UnimplementedError("no such item is known here"));
    }
  }
  // These first: neither a freeze nor a revocation waits for a large policy.
  if (!curbs.empty()) ApplyCurbs(curbs);
  if (!keys_alone.empty()) keys_->Update(std::move(keys_alone));
  if (!policies.empty()) ApplyPolicies(policies, std::move(keys));
}

void ControlState::ApplyCurbs(const std::vector<const ControlItem*>& items) {
  std::vector<PolicySet::OrgChange> changes;
  for (const ControlItem* item : items) Note(*item, ReadCurbsItem(*item, &changes));
  snapshots_->UpdatePolicies([&](const PolicySet& now) { return now.WithAll(std::move(changes)); });
}

absl::Status ControlState::ReadCurbsItem(const ControlItem& item,
                                         std::vector<PolicySet::OrgChange>* changes) {
  PolicySet::OrgChange change{item.name.substr(kCurbsPrefix.size()), std::nullopt, std::nullopt,
                              std::vector<Curb>()};
  if (!item.body.empty()) {
    QP_ASSIGN_OR_RETURN(CurbsItem curbs, codec_->DecodeCurbs(item.body));
    change.curbs = std::move(curbs.curbs);
  }
  changes->push_back(std::move(change));
  return absl::OkStatus();
}

void ControlState::ApplyPolicies(const std::vector<const ControlItem*>& items,
                                 std::vector<KeyRing::Change> keys) {
  std::vector<PolicySet::OrgChange> changes;
  for (const ControlItem* item : items) Note(*item, ReadPolicyItem(*item, &changes));
  // Kept to the end: what is not in force any more is freed while nobody waits.
  const std::shared_ptr<const PolicySet> present = snapshots_->Get()->policies;
  if (options_.before_policies != nullptr && !changes.empty()) {
    options_.before_policies(*present->WithAll(changes), *present);
  }
  // Of the set as it is by now: the default policy may have changed meanwhile.
  const auto swap = [&] {
    snapshots_->UpdatePolicies(
        [&](const PolicySet& now) { return now.WithAll(std::move(changes)); });
  };
  keys.empty() ? swap() : keys_->Update(std::move(keys), swap);
}

absl::Status ControlState::ReadPolicyItem(const ControlItem& item,
                                          std::vector<PolicySet::OrgChange>* changes) {
  const std::string_view name = item.name;
  if (name.starts_with(kRaisesPrefix)) {
    PolicySet::OrgChange change{item.name.substr(kRaisesPrefix.size()), {}, std::vector<Raise>()};
    if (!item.body.empty()) {
      QP_ASSIGN_OR_RETURN(RaisesItem raises, codec_->DecodeRaises(item.body));
      change.raises = std::move(raises.raises);
    }
    changes->push_back(std::move(change));
    return absl::OkStatus();
  }
  std::pair<int64_t, std::shared_ptr<const Policy>> own;
  if (!item.body.empty()) {
    QP_ASSIGN_OR_RETURN(PolicyItem policy, codec_->DecodePolicy(item.body));
    own.first = policy.version;
    QP_ASSIGN_OR_RETURN(own.second, Policy::Build(std::move(policy.document)));
  }
  changes->push_back({item.name.substr(kPolicyPrefix.size()), std::move(own), std::nullopt});
  return absl::OkStatus();
}

absl::Status ControlState::ReadKeyItem(const ControlItem& item,
                                       std::vector<KeyRing::Change>* changes) {
  if (item.body.empty()) {
    changes->push_back({item.name.substr(kKeyPrefix.size()), std::nullopt});
    return absl::OkStatus();
  }
  QP_ASSIGN_OR_RETURN(VirtualKey key, codec_->DecodeKey(item.body));
  std::string id = key.id;
  changes->push_back({std::move(id), std::move(key)});
  return absl::OkStatus();
}

absl::Status ControlState::ApplyPrices(const ControlItem& item) {
  std::vector<Book> books;
  if (!item.body.empty()) {
    QP_ASSIGN_OR_RETURN(const PricesItem prices, codec_->DecodePrices(item.body));
    for (const PricesItem::Book& book : prices.books) {
      QP_ASSIGN_OR_RETURN(std::shared_ptr<const PriceBook> parsed,
                          ParsePriceBook(book.yaml, absl::StrCat("price book ", book.number)));
      books.push_back({book.active_from_us, std::move(parsed)});
    }
  }
  std::stable_sort(books.begin(), books.end(), [](const Book& a, const Book& b) {
    return a.active_from_us < b.active_from_us;
  });
  {
    MutexLock lock(mutex_);
    books_ = std::move(books);
  }
  SwitchPrices();
  return absl::OkStatus();
}

absl::Status ControlState::ApplyLog(const ControlItem& item) const {
  if (item.body.empty()) {
    EndLogOverride();
    return absl::OkStatus();
  }
  QP_ASSIGN_OR_RETURN(const LogSetting setting, DecodeLogSetting(item.body));
  // One that has ended stays where it is.
  if (setting.until_us != 0 && setting.until_us <= options_.now_us()) {
    EndLogOverride();
  } else {
    OverrideLogLevel(setting.level, setting.until_us);
  }
  return absl::OkStatus();
}

void ControlState::Note(const ControlItem& item, const absl::Status& used) {
  if (!used.ok()) {
    LogError("{} of change {} is not used, and what was before it stays: {}", item.name,
             item.number, used.ToString());
  }
  MutexLock lock(mutex_);
  if (used.ok()) {
    rejected_.erase(item.name);
  } else {
    rejected_.insert(item.name);
  }
}

void ControlState::SetFilePrices(std::shared_ptr<const PriceBook> prices) {
  {
    MutexLock lock(mutex_);
    file_prices_ = std::move(prices);
  }
  SwitchPrices();
}

void ControlState::SwitchPrices() {
  const int64_t now_us = options_.now_us();
  MutexLock lock(mutex_);
  // Where none of them has begun, by this clock, the one before goes on.
  if (books_.empty()) own_prices_ = false;
  std::shared_ptr<const PriceBook> wanted = own_prices_ ? in_force_ : file_prices_;
  for (const Book& book : books_) {
    if (book.active_from_us > now_us) continue;
    wanted = book.prices;
    own_prices_ = true;
  }
  if (wanted == in_force_) return;
  in_force_ = wanted;
  snapshots_->SetPrices(std::move(wanted));
}

void ControlState::RunSchedule() {
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, kScheduleTick,
                        [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return stop_; });
      if (stop_) return;
    }
    SwitchPrices();
  }
}

}  // namespace quotaplane
