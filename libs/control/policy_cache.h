// Policies that were parsed, so that they are not parsed again: a large one takes a second.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <string>

#include "libs/base/mutex.h"
#include "libs/policy/policy.h"

namespace quotaplane {

// A document as it was committed. The change that wrote it names it; the fingerprint tells it from
// one of the same number in a database that was restored to an earlier time.
struct PolicyDocumentName {
  std::string org;
  int64_t document_number = 0;
  std::string fingerprint;

  friend auto operator<=>(const PolicyDocumentName&, const PolicyDocumentName&) = default;
};

// Thread-safe. Drops what was not used for the longest time.
class PolicyCache {
 public:
  static constexpr size_t kMaxPolicies = 1'000;
  // Of the YAML of all of them; one that is larger by itself is kept alone.
  static constexpr size_t kMaxYamlBytes = size_t{32} << 20;

  // Null: it is not there.
  std::shared_ptr<const Policy> Find(const PolicyDocumentName& name);
  // Only what was committed: a number that was rolled back is given again.
  void Put(const PolicyDocumentName& name, std::shared_ptr<const Policy> policy, size_t yaml_bytes);

 private:
  struct Entry {
    PolicyDocumentName name;
    std::shared_ptr<const Policy> policy;
    size_t yaml_bytes = 0;
  };
  Mutex mutex_;
  // The one used last comes first.
  std::list<Entry> entries_ ABSL_GUARDED_BY(mutex_);
  std::map<PolicyDocumentName, std::list<Entry>::iterator> by_name_ ABSL_GUARDED_BY(mutex_);
  size_t yaml_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace quotaplane
