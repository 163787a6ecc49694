#include "libs/alerts/receivers.h"

#include <algorithm>
#include <array>
#include <utility>

namespace quotaplane {
namespace {

bool MatchesAny(const std::vector<Glob>& globs, std::string_view text) {
  return globs.empty() || std::any_of(globs.begin(), globs.end(),
                                      [&](const Glob& glob) { return glob.Matches(text); });
}

bool Matches(const Route& route, const Signal& signal) {
  const std::vector<Severity>& severities = route.severities;
  return MatchesAny(route.orgs, signal.org) &&
         MatchesAny(route.kinds, AlertKindName(signal.kind)) &&
         (severities.empty() ||
          std::find(severities.begin(), severities.end(), signal.severity) != severities.end());
}

}  // namespace

std::string_view Receiver::kind() const {
  static constexpr std::array<std::string_view, 4> kKinds = {"alertmanager", "webhook", "slack",
                                                             "email"};
  return kKinds.at(how.index());
}

Receivers::Receivers(std::vector<Receiver> receivers, std::vector<Route> routes,
                     std::vector<std::string> default_receivers)
    : receivers_(std::move(receivers)),
      routes_(std::move(routes)),
      default_receivers_(std::move(default_receivers)) {}

const Receiver* Receivers::Find(std::string_view name) const {
  const auto found = std::find_if(receivers_.begin(), receivers_.end(),
                                  [&](const Receiver& one) { return one.name == name; });
  return found == receivers_.end() ? nullptr : &*found;
}

std::vector<const Receiver*> Receivers::For(const Signal& signal) const {
  std::vector<const Receiver*> found;
  const auto add = [&](const std::vector<std::string>& names) {
    for (const std::string& name : names) {
      const Receiver* const one = Find(name);
      if (one != nullptr && std::find(found.begin(), found.end(), one) == found.end()) {
        found.push_back(one);
      }
    }
  };
  add(signal.receivers);
  if (!found.empty()) return found;
  const auto route = std::find_if(routes_.begin(), routes_.end(),
                                  [&](const Route& one) { return Matches(one, signal); });
  add(route == routes_.end() ? default_receivers_ : route->receivers);
  return found;
}

}  // namespace quotaplane
