#include "libs/control/policy_cache.h"

#include <iterator>
#include <utility>

namespace quotaplane {

std::shared_ptr<const Policy> PolicyCache::Find(const PolicyDocumentName& name) {
  const MutexLock lock(mutex_);
  const auto found = by_name_.find(name);
  if (found == by_name_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, found->second);
  return found->second->policy;
}

void PolicyCache::Put(const PolicyDocumentName& name, std::shared_ptr<const Policy> policy,
                      size_t yaml_bytes) {
  std::list<Entry> dropped;  // destroyed without the lock
  const MutexLock lock(mutex_);
  if (by_name_.contains(name)) return;
  entries_.push_front({name, std::move(policy), yaml_bytes});
  by_name_[name] = entries_.begin();
  yaml_bytes_ += yaml_bytes;
  while (entries_.size() > 1 && (entries_.size() > kMaxPolicies || yaml_bytes_ > kMaxYamlBytes)) {
    yaml_bytes_ -= entries_.back().yaml_bytes;
    by_name_.erase(entries_.back().name);
    dropped.splice(dropped.end(), entries_, std::prev(entries_.end()));
  }
}

}  // namespace quotaplane
