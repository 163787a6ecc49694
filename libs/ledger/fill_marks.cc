#include "libs/ledger/fill_marks.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <utility>

namespace quotaplane {
namespace {

// 'b' and the entries in order; or 's' and who is filling the partition.
constexpr char kFilled = 'b';
constexpr char kFilling = 's';
constexpr size_t kDigestBytes = sizeof(Digest::bytes);

bool IsCompared(const Limit& limit) {
  return limit.unit.kind != UnitKind::kConcurrency && limit.window.kind != WindowKind::kSliding;
}

Digest OwnPolicyEntry(std::string_view org) {
  FieldBuffer fields;
  return fields.Add("own policy").Add(org).digest();
}

Digest OwnFamilyEntry(const Digest& family, std::string_view org) {
  FieldBuffer fields;
  return fields.Add("own family").Add(org).Add(family.view()).digest();
}

// Instead of an entry, until that is settled.
Digest UnsettledEntry(const Digest& entry) {
  FieldBuffer fields;
  return fields.Add("unsettled").Add(entry.view()).digest();
}

// That all the default policy counts was filled for the org, which had a policy of its own before.
Digest ReturnedEntry(std::string_view org) {
  FieldBuffer fields;
  return fields.Add("returned").Add(org).digest();
}

using Entries = absl::flat_hash_set<Digest>;

// Of all families that are filled, and which orgs have their own.
struct WantedEntries {
  Entries families;
  Entries own_policies;
};

WantedEntries WantedOf(const PolicySet& policies, const std::vector<std::string>& own) {
  WantedEntries wanted{.families = ComparedFamilies(policies.default_policy()), .own_policies = {}};
  for (const std::string& org : own) {
    wanted.own_policies.insert(OwnPolicyEntry(org));
    for (const Digest& family : ComparedFamilies(*policies.For(org).policy)) {
      wanted.families.insert(OwnFamilyEntry(family, org));
    }
  }
  return wanted;
}

std::string MarkOf(const Entries& entries) {
  std::vector<std::string_view> sorted;
  sorted.reserve(entries.size());
  for (const Digest& entry : entries) sorted.push_back(entry.view());
  std::sort(sorted.begin(), sorted.end());
  std::string mark(1, kFilled);
  for (const std::string_view one : sorted) mark += one;
  return mark;
}

bool HasNew(const Policy& next, const Policy& present) {
  if (&next == &present) return false;
  const Families old = ComparedFamilies(present);
  const Families fresh = ComparedFamilies(next);
  return std::any_of(fresh.begin(), fresh.end(),
                     [&](const Digest& family) { return !old.contains(family); });
}

}  // namespace

Families ComparedFamilies(const Policy& policy) {
  Families families;
  const std::vector<Limit>& limits = policy.document().limits;
  for (size_t i = 0; i < limits.size(); ++i) {
    if (IsCompared(limits[i])) families.insert(policy.family(i));
  }
  return families;
}

int64_t CountCompared(const PolicySet& policies) {
  size_t count = ComparedFamilies(policies.default_policy()).size();
  for (const std::string& org : policies.OrgsWithOwn()) {
    count += ComparedFamilies(*policies.For(org).policy).size();
  }
  return static_cast<int64_t>(count);
}

bool HasNewFamilies(const PolicySet& next, const PolicySet& present) {
  if (HasNew(next.default_policy(), present.default_policy())) return true;
  std::vector<std::string> orgs = next.OrgsWithOwn();
  const std::vector<std::string> before = present.OrgsWithOwn();
  orgs.insert(orgs.end(), before.begin(), before.end());
  return std::any_of(orgs.begin(), orgs.end(), [&](const std::string& org) {
    return HasNew(*next.For(org).policy, *present.For(org).policy);
  });
}

std::string SettledMark(const PolicySet& policies, const std::vector<std::string>& own) {
  WantedEntries wanted = WantedOf(policies, own);
  wanted.families.merge(wanted.own_policies);
  return MarkOf(wanted.families);
}

std::string FillingMark(std::string_view who) {
  std::string mark(1, kFilling);
  mark += who;
  return mark;
}

FillMark::FillMark(std::string_view mark) : filled_(!mark.empty() && mark[0] == kFilled) {
  if (!filled_) return;
  for (size_t at = 1; at + kDigestBytes <= mark.size(); at += kDigestBytes) {
    Digest entry;
    std::copy_n(mark.begin() + static_cast<ptrdiff_t>(at), kDigestBytes, entry.bytes.begin());
    entries_.insert(entry);
  }
}

bool FillMark::HasUnsettled(const Digest& entry) const {
  return entries_.contains(UnsettledEntry(entry));
}

bool FillMark::Has(const Digest& entry) const {
  return entries_.contains(entry) || HasUnsettled(entry);
}

std::string FillMark::Filled(const PolicySet& policies, const std::vector<std::string>& own,
                             const std::vector<std::string>& orgs) const {
  WantedEntries wanted = WantedOf(policies, own);
  Entries entries = std::move(wanted.own_policies);
  for (const Digest& entry : wanted.families) {
    entries.insert(entries_.contains(entry) ? entry : UnsettledEntry(entry));
  }
  for (const std::string& org : orgs) {
    if (policies.For(org).version != 0) continue;
    const Digest returned = ReturnedEntry(org);
    if (entries_.contains(OwnPolicyEntry(org)) || entries_.contains(returned)) {
      entries.insert(returned);
    }
  }
  return MarkOf(entries);
}

Families FillMark::MissingOfDefault(const PolicySet& policies) const {
  Families missing;
  for (const Digest& family : ComparedFamilies(policies.default_policy())) {
    if (!Has(family)) missing.insert(family);
  }
  return missing;
}

Families FillMark::MissingOf(std::string_view org, const PolicySet& policies) const {
  const OrgPolicy& policy = policies.For(org);
  if (policy.version == 0) {
    return entries_.contains(OwnPolicyEntry(org)) ? ComparedFamilies(*policy.policy)
                                                  : MissingOfDefault(policies);
  }
  Families missing;
  for (const Digest& family : ComparedFamilies(*policy.policy)) {
    if (!Has(OwnFamilyEntry(family, org))) missing.insert(family);
  }
  return missing;
}

Families FillMark::UnsettledOf(std::string_view org, const PolicySet& policies) const {
  const OrgPolicy& policy = policies.For(org);
  Families unsettled = ComparedFamilies(*policy.policy);
  if (policy.version == 0 && entries_.contains(ReturnedEntry(org))) return unsettled;
  absl::erase_if(unsettled, [&](const Digest& family) {
    return !HasUnsettled(policy.version == 0 ? family : OwnFamilyEntry(family, org));
  });
  return unsettled;
}

}  // namespace quotaplane
