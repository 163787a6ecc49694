#include "libs/policy/first_match.h"

#include "libs/policy/when_digest.h"

namespace quotaplane {

void FirstMatchCheck::Check(const std::string& where, const std::vector<Condition>& when,
                            std::string_view passes_on) {
  for (const Condition& condition : when) CheckCondition(where, condition);
  CheckReachable(where, when, passes_on);
}

void FirstMatchCheck::CheckCondition(const std::string& where, const Condition& condition) {
  const std::string name = condition.dimension.ToString();
  const auto add = [&](std::string_view what) { problems_.Add(where, what); };
  if (!shape_.takes(condition.dimension)) {
    add(absl::StrCat("`when` of a ", AbslView(shape_.kind), " takes ", AbslView(shape_.dimensions),
                     ", not ", name));
  }
  if (condition.any_of.empty()) {
    add(absl::StrCat("when.", name, " has no glob and would match nothing; give one"));
  }
  if (condition.any_of.size() > kMaxGlobs) {
    add(absl::StrCat("when.", name, " has ", condition.any_of.size(), " globs; at most ", kMaxGlobs,
                     " are allowed"));
  }
  for (const Glob& glob : condition.any_of) {
    const absl::Status status = CheckValue(glob.pattern());
    if (!status.ok()) add(absl::StrCat("when.", name, ": a glob ", status.message()));
  }
}

void FirstMatchCheck::CheckReachable(const std::string& where, const std::vector<Condition>& when,
                                     std::string_view passes_on) {
  if (!catch_all_.empty()) {
    return problems_.Add(where, absl::StrCat("is never reached: ", catch_all_,
                                             " takes every subject; put that one last"));
  }
  if (passes_on.empty() && when.empty()) {
    catch_all_ = where;
    return;
  }
  FieldBuffer buffer;
  AddWhen(when, &buffer);
  std::vector<Rule>& same = by_when_[buffer.digest()];
  for (const Rule& earlier : same) {
    if (earlier.passes_on.empty() || earlier.passes_on == passes_on) {
      return problems_.Add(where, absl::StrCat("is never reached: ", earlier.where,
                                               " takes all that it matches; remove one"));
    }
  }
  same.push_back({where, std::string(passes_on)});
}

}  // namespace quotaplane
