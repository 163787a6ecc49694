// What the marks beside the counters (book_marks.h) say of a partition: which families of counters
// (libs/policy/counter_identity.h) have been filled from the ledger, and for whom.
//
// - A family of the default policy stands for every org under the default policy.
// - A family of an org's own policy stands for that org alone, together with its name.
// - That an org has a policy of its own is written down too: once it is back under the default
//   policy, what that counts was not counted for it meanwhile, and is filled for it alone.
// - What was filled a moment ago is not **settled** yet: replicas that had no such policy may have
//   charged since, so it is filled once more. That too outlives whoever filled it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "libs/base/hash.h"
#include "libs/policy/policy_set.h"

namespace quotaplane {

using Families = absl::flat_hash_set<Digest>;

// Of the limits whose books are compared.
Families ComparedFamilies(const Policy& policy);
// How many there are in all: those of the default policy, and those of each org that has its own.
int64_t CountCompared(const PolicySet& policies);
// Whether `next` has, for some org, a family that `present` does not have for it.
bool HasNewFamilies(const PolicySet& next, const PolicySet& present);

// The mark of a partition in which everything has been filled, and is settled; `own` are the orgs
// of the partition that have a policy of their own.
std::string SettledMark(const PolicySet& policies, const std::vector<std::string>& own);
// A mark that says who is filling a partition that had none.
std::string FillingMark(std::string_view who);

// What a mark says.
class FillMark {
 public:
  explicit FillMark(std::string_view mark);

  // The mark once all that is missing has been filled: what this one does not have as settled is
  // not settled in it either. `own` as above, `orgs` are all of the partition.
  std::string Filled(const PolicySet& policies, const std::vector<std::string>& own,
                     const std::vector<std::string>& orgs) const;

  // False: the partition's counters are lost, or somebody is filling them.
  bool filled() const { return filled_; }
  // Families that have not been filled: for all orgs under the default policy, and for one org.
  Families MissingOfDefault(const PolicySet& policies) const;
  Families MissingOf(std::string_view org, const PolicySet& policies) const;
  // Families that have been filled and are not settled.
  Families UnsettledOf(std::string_view org, const PolicySet& policies) const;

 private:
  bool Has(const Digest& entry) const;
  bool HasUnsettled(const Digest& entry) const;

  bool filled_ = false;
  absl::flat_hash_set<Digest> entries_;
};

}  // namespace quotaplane
