#include "services/quotaplane/live_config.h"

#include <utility>
#include <vector>

#include "libs/base/status_macros.h"
#include "libs/config/policy_reader.h"
#include "libs/config/price_book_reader.h"

namespace quotaplane {
namespace {

// Without a policy file nothing is limited and every model may be used, priced or not.
std::shared_ptr<const Policy> OpenPolicy() {
  PolicyDocument document;
  document.unpriced_models = UnpricedModels::kFlag;
  return *Policy::Build(std::move(document));
}

}  // namespace

absl::StatusOr<std::unique_ptr<LiveConfig>> LiveConfig::Load(const std::string& policy,
                                                             const std::string& prices) {
  std::shared_ptr<const Policy> first = OpenPolicy();
  if (!policy.empty()) {
    QP_ASSIGN_OR_RETURN(first, LoadPolicyFile(policy));
  }
  Snapshot snapshot{std::make_shared<const PolicySet>(std::move(first)), DefaultPriceBook()};
  if (!prices.empty()) {
    QP_ASSIGN_OR_RETURN(snapshot.prices, LoadPriceBookFile(prices));
  }
  return std::unique_ptr<LiveConfig>(new LiveConfig(std::move(snapshot), policy, prices));
}

LiveConfig::LiveConfig(Snapshot first, std::string policy, std::string prices)
    : policy_file_(std::move(policy)),
      prices_file_(std::move(prices)),
      snapshots_(std::move(first)) {}

absl::Status LiveConfig::ReloadPolicy(const BeforePolicies& before_policies) {
  QP_ASSIGN_OR_RETURN(const std::shared_ptr<const Policy> policy, LoadPolicyFile(policy_file_));
  const std::shared_ptr<const PolicySet> present = snapshots_.Get()->policies;
  before_policies(*present->WithDefault(policy), *present);
  // Of the set as it is by now: somebody else may have changed an org's part meanwhile.
  snapshots_.UpdatePolicies([&](const PolicySet& now) { return now.WithDefault(policy); });
  return absl::OkStatus();
}

void LiveConfig::Watch(BeforePolicies before_policies, SetPrices set_prices) {
  std::vector<ConfigWatcher::File> files;
  if (!policy_file_.empty()) {
    files.push_back(
        {policy_file_, [this, before_policies] { return ReloadPolicy(before_policies); }});
  }
  if (!prices_file_.empty()) {
    files.push_back({prices_file_, [this, set_prices]() -> absl::Status {
                       QP_ASSIGN_OR_RETURN(std::shared_ptr<const PriceBook> prices,
                                           LoadPriceBookFile(prices_file_));
                       set_prices(std::move(prices));
                       return absl::OkStatus();
                     }});
  }
  MutexLock lock(mutex_);
  watcher_ = std::make_unique<ConfigWatcher>(std::move(files));
}

void LiveConfig::Stop() {
  // Ended after the lock: a reload under way may take a while.
  std::unique_ptr<ConfigWatcher> stopped;
  {
    MutexLock lock(mutex_);
    stopped.swap(watcher_);
  }
}

std::map<std::string, std::string> LiveConfig::failures() const {
  MutexLock lock(mutex_);
  return watcher_ == nullptr ? std::map<std::string, std::string>() : watcher_->failures();
}

}  // namespace quotaplane
