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
  Snapshot snapshot{OpenPolicy(), DefaultPriceBook()};
  if (!policy.empty()) {
    QP_ASSIGN_OR_RETURN(snapshot.policy, LoadPolicyFile(policy));
  }
  if (!prices.empty()) {
    QP_ASSIGN_OR_RETURN(snapshot.prices, LoadPriceBookFile(prices));
  }
  return std::unique_ptr<LiveConfig>(new LiveConfig(std::move(snapshot), policy, prices));
}

LiveConfig::LiveConfig(Snapshot first, std::string policy, std::string prices)
    : policy_file_(std::move(policy)),
      prices_file_(std::move(prices)),
      snapshots_(std::move(first)) {}

void LiveConfig::Watch(BeforePolicy before_policy) {
  std::vector<ConfigWatcher::File> files;
  if (!policy_file_.empty()) {
    files.push_back({policy_file_, [this, before_policy]() -> absl::Status {
                       QP_ASSIGN_OR_RETURN(std::shared_ptr<const Policy> policy,
                                           LoadPolicyFile(policy_file_));
                       before_policy(*policy, *snapshots_.Get()->policy);
                       snapshots_.SetPolicy(std::move(policy));
                       return absl::OkStatus();
                     }});
  }
  if (!prices_file_.empty()) {
    files.push_back({prices_file_, [this]() -> absl::Status {
                       QP_ASSIGN_OR_RETURN(std::shared_ptr<const PriceBook> prices,
                                           LoadPriceBookFile(prices_file_));
                       snapshots_.SetPrices(std::move(prices));
                       return absl::OkStatus();
                     }});
  }
  watcher_.emplace(std::move(files));
}

}  // namespace quotaplane
