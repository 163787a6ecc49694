// Which dimensions of a subject a policy looks at: the others need not be read, and subjects that
// differ in others alone are judged alike.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "libs/base/hash.h"
#include "libs/policy/policy.h"

namespace quotaplane {

// The org and the model are always used, and not listed.
struct UsedDimensions {
  bool team = false;
  bool project = false;
  bool user = false;
  bool api_key = false;
  std::set<std::string, std::less<>> labels;

  // Those of a policy's limits, model rules and tiers, added.
  void Add(const Policy& policy);

  // A byte string that is equal for subjects and models that no policy added can tell apart. Of
  // subjects of one org.
  void KeyOf(const Subject& subject, std::string_view model, FieldBuffer* key) const;
};

}  // namespace quotaplane
