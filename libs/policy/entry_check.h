// Checks that entries of a policy's lists have in common.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "libs/base/quote.h"
#include "libs/policy/policy.h"
#include "libs/policy/policy_check.h"
#include "libs/policy/problems.h"

namespace quotaplane {

// Checks one limit or rule, and names it in messages: by its place in the file, else by its id.
class EntryCheck {
 public:
  EntryCheck(std::string_view kind, const std::string& id, const std::string& source,
             Problems* problems)
      : where_(source.empty() ? absl::StrCat(AbslView(kind), " \"", id, "\"") : source),
        problems_(*problems) {}

  void Add(std::string_view what) const { problems_.Add(where_, what); }

  // `ids` has those seen so far, and where they are.
  void CheckId(const std::string& id, absl::flat_hash_map<std::string, std::string>* ids) const {
    if (!IsPolicyId(id)) return Add(absl::StrCat("`id` ", kPolicyIdForm));
    const auto [it, inserted] = ids->emplace(id, where_);
    if (!inserted)
      Add(absl::StrCat("id ", QuoteForMessage(id), " is taken by ", it->second,
                       "; ids are unique"));
  }

  void CheckGlobs(std::string_view what, const std::vector<Glob>& globs) const {
    if (globs.size() > kMaxGlobs) {
      Add(absl::StrCat(AbslView(what), " has ", globs.size(), " globs; at most ", kMaxGlobs,
                       " are allowed"));
    }
    for (const Glob& glob : globs) {
      const absl::Status status = CheckValue(glob.pattern());
      if (!status.ok()) Add(absl::StrCat(AbslView(what), ": a glob ", status.message()));
    }
  }

  // Requires `when` sorted by dimension.
  void CheckWhen(const std::vector<Condition>& when) const {
    for (size_t i = 0; i < when.size(); ++i) {
      const std::string name = absl::StrCat("when.", when[i].dimension.ToString());
      if (i > 0 && when[i].dimension == when[i - 1].dimension)
        Add(absl::StrCat(name, " is given twice"));
      if (when[i].any_of.empty())
        Add(absl::StrCat(name, " has no glob and would match nothing; give one"));
      CheckGlobs(name, when[i].any_of);
    }
  }

  void CheckAmount(int64_t amount, const Unit& unit) const {
    if (amount >= 0 && amount <= kMaxAmount) return;
    Add(absl::StrCat("amount must be from 0 to ", kMaxAmount,
                     unit.kind == UnitKind::kUsd ? " nano-USD" : "", ", not ", amount));
  }

  const std::string& where() const { return where_; }

 private:
  std::string where_;
  Problems& problems_;
};

}  // namespace quotaplane
