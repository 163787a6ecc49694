#include "libs/control/policy_version.h"

#include <array>
#include <utility>

namespace quotaplane {
namespace {

constexpr std::array<std::pair<PolicyState, std::string_view>, 4> kStates = {
    {{PolicyState::kDraft, "draft"},
     {PolicyState::kActive, "active"},
     {PolicyState::kSuperseded, "superseded"},
     {PolicyState::kDiscarded, "discarded"}}};

}  // namespace

std::string_view PolicyStateName(PolicyState state) {
  for (const auto& [each, name] : kStates) {
    if (each == state) return name;
  }
  return "";
}

std::optional<PolicyState> ParsePolicyState(std::string_view name) {
  for (const auto& [state, each] : kStates) {
    if (each == name) return state;
  }
  return std::nullopt;
}

}  // namespace quotaplane
