#include "tests/bench/propagation/state.h"

#include <memory>

#include "absl/strings/str_format.h"
#include "libs/config/state_document.h"
#include "libs/policy/policy_builder.h"
#include "libs/testing/fatal.h"

namespace quotaplane::bench {

std::string PolicyState(int64_t overrides, const std::vector<std::string>& refused) {
  PolicyDocument document;
  document.unpriced_models = UnpricedModels::kFlag;
  document.limits = {DailyLimit("user-day", {"user"}, kPlenty)};
  std::vector<Override>& list = document.limits[0].overrides;
  list.push_back(For({{"user", "somebody"}}, kPlenty));
  for (const std::string& user : refused) list.push_back(For({{"user", user}}, kNothing));
  for (int64_t i = 0; i < overrides; ++i) {
    list.push_back(For({{"user", absl::StrFormat("user-%06d", i)}}, i));
  }
  StateDocument state;
  auto policy = Policy::Build(std::move(document));
  if (!policy.ok()) fixtures::Fatal(policy.status().ToString());
  state.policy = *std::move(policy);
  return WriteState(state);
}

std::string KeysState(const std::vector<NewSecret>& secrets) {
  StateDocument state;
  std::vector<StateKey>& keys = state.keys.emplace();
  keys.reserve(secrets.size());
  for (const NewSecret& secret : secrets) {
    StateKey& key = keys.emplace_back();
    key.id = secret.id;
    key.hash = secret.hash;
  }
  return WriteState(state);
}

}  // namespace quotaplane::bench
