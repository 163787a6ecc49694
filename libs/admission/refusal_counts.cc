#include "libs/admission/refusal_counts.h"

#include <algorithm>
#include <utility>

namespace quotaplane {
namespace {

constexpr int64_t kMinuteUs = 60'000'000;

Digest KeyOf(const Subject& subject, int64_t minute_us) {
  thread_local FieldBuffer fields;
  fields.Clear();
  fields.Add(minute_us).Add(subject.org).Add(subject.team).Add(subject.project).Add(subject.user);
  fields.Add(subject.api_key).Add(subject.model);
  for (const auto& [name, value] : subject.labels) fields.Add(name).Add(value);
  return fields.digest();
}

}  // namespace

void RefusalCounts::Count(const Subject& subject, int64_t at_us) {
  const int64_t minute_us = at_us - at_us % kMinuteUs;
  const Digest key = KeyOf(subject, minute_us);
  const MutexLock lock(mutex_);
  if (Add(key, subject, minute_us, most_lines_)) return;
  Subject org;
  org.org = subject.org;
  if (!Add(KeyOf(org, minute_us), org, minute_us, 2 * most_lines_)) ++lost_;
}

bool RefusalCounts::Add(const Digest& key, const Subject& subject, int64_t minute_us, size_t most) {
  auto found = lines_.find(key);
  if (found == lines_.end()) {
    if (lines_.size() >= most) return false;
    found = lines_.emplace(key, RefusalLine{subject, minute_us, 0}).first;
  }
  ++found->second.count;
  return true;
}

RefusalCounts::Taken RefusalCounts::Take() {
  absl::flat_hash_map<Digest, RefusalLine> lines;
  Taken taken;
  {
    const MutexLock lock(mutex_);
    lines.swap(lines_);
    taken.lost = std::exchange(lost_, 0);
  }
  taken.lines.reserve(lines.size());
  for (auto& [key, line] : lines) taken.lines.push_back(std::move(line));
  std::sort(taken.lines.begin(), taken.lines.end(), [](const RefusalLine& a, const RefusalLine& b) {
    return a.subject.org < b.subject.org;
  });
  return taken;
}

}  // namespace quotaplane
