#include "libs/policy/when_digest.h"

#include <algorithm>
#include <string_view>

namespace quotaplane {

void AddGlobs(const std::vector<Glob>& globs, FieldBuffer* buffer) {
  std::vector<std::string_view> patterns;
  for (const Glob& glob : globs) patterns.push_back(glob.pattern());
  std::sort(patterns.begin(), patterns.end());
  patterns.erase(std::unique(patterns.begin(), patterns.end()), patterns.end());
  buffer->Add(static_cast<int64_t>(patterns.size()));
  for (const std::string_view pattern : patterns) buffer->Add(pattern);
}

void AddWhen(const std::vector<Condition>& when, FieldBuffer* buffer) {
  buffer->Add(static_cast<int64_t>(when.size()));
  for (const Condition& condition : when) {
    buffer->Add(condition.dimension.ToString());
    AddGlobs(condition.any_of, buffer);
  }
}

}  // namespace quotaplane
