#include "libs/policy/policy_diff.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "libs/base/absl_view.h"
#include "libs/base/hash.h"
#include "libs/policy/alert_match.h"
#include "libs/policy/counter_identity.h"
#include "libs/policy/policy_text.h"
#include "libs/policy/when_digest.h"

namespace quotaplane {
namespace {

using Kind = PolicyChange::Kind;

// Of an order that differs; the others of it are only hinted at.
constexpr size_t kMostIds = 50;

// One value of a limit or rule.
struct Field {
  std::string_view key;
  std::string text;  // empty: not there
  // Equal where the meaning is; empty: where the text is.
  std::string meaning = {};
  bool of_counter = false;
};

std::string MeaningOf(const std::vector<Condition>& when) {
  FieldBuffer buffer;
  AddWhen(when, &buffer);
  return std::string(buffer.view());
}

Field WhenField(const std::vector<Condition>& when, bool of_counter) {
  return {"when", when.empty() ? "" : TextOf(when), MeaningOf(when), of_counter};
}

Field GlobsField(std::string_view key, const std::vector<Glob>& globs) {
  FieldBuffer buffer;
  AddGlobs(globs, &buffer);
  return {key, globs.empty() ? "" : TextOf(globs), std::string(buffer.view())};
}

std::string TierText(const std::string& tier) { return tier.empty() ? "" : TextOf(tier); }

std::vector<Field> ParametersOf(const Limit& limit) {
  const bool calendar = limit.window.kind == WindowKind::kCalendar;
  const bool windowed = limit.unit.kind != UnitKind::kConcurrency;
  return {
      {"tier", TierText(limit.tier), {}, true},
      {"per", TextOf(limit.per), {}, true},
      WhenField(limit.when, true),
      {"unit", TextOf(limit.unit.ToString()), {}, true},
      {"amount", AmountText(limit.amount, limit.unit)},
      {"window", windowed ? WindowText(limit.window) : "", {}, true},
      {"time_zone", calendar ? TextOf(limit.window.zone.name()) : "", {}, true},
      {"starts_on", calendar ? absl::StrCat(limit.window.starts_on) : "", {}, true},
      {"on_exceed", OnExceedText(limit)},
      {"on_outage", std::string(OnOutageText(limit.on_outage))},
      {"hold", std::string(HoldText(limit.hold))},
      {"alert_at", SharesText(AlertAt(limit))},
  };
}

std::vector<Field> ParametersOf(const ModelRule& rule) {
  return {{"tier", TierText(rule.tier)},
          WhenField(rule.when, false),
          GlobsField("allow", rule.allow),
          GlobsField("deny", rule.deny)};
}

std::vector<Field> ParametersOf(const AlertRule& rule) {
  const bool forecast = rule.on == AlertOn::kForecast;
  const bool has_floor = rule.on == AlertOn::kAnomaly || rule.on == AlertOn::kRunaway;
  return {{"on", std::string(AlertOnName(rule.on))},
          WhenField(rule.when, false),
          GlobsField("limits", rule.limits),
          {"at", rule.at_permille == 0 ? "" : ShareText(rule.at_permille)},
          {"margin", forecast ? DurationText(rule.margin_us) : ""},
          {"signals", rule.signals.empty() ? "" : TextOf(rule.signals)},
          {"per", rule.per.empty() ? "" : TextOf(rule.per)},
          {"floor", has_floor ? AmountText(rule.floor_nano_usd, Unit()) : ""},
          {"severity", std::string(AlertSeverityName(rule.severity))},
          {"receivers", rule.receivers.empty() ? "" : TextOf(rule.receivers)},
          {"hold_off", DurationText(rule.hold_off_us)},
          {"action", rule.action.has_value() ? TextOf(*rule.action) : ""}};
}

std::string MeaningOf(const TierRule& rule) { return rule.tier + '\0' + MeaningOf(rule.when); }
std::string MeaningOf(const CostCenterRule& rule) {
  return absl::StrCat(rule.cost_center, std::string(1, '\0'),
                      rule.from.has_value() ? rule.from->ToString() : "", std::string(1, '\0'),
                      MeaningOf(rule.when));
}

// How many at the start of both are the same, and how many of the others at the end.
template <typename T, typename Same>
std::pair<size_t, size_t> Ends(const std::vector<T>& a, const std::vector<T>& b, Same same) {
  const size_t shorter = std::min(a.size(), b.size());
  size_t front = 0;
  while (front < shorter && same(a[front], b[front])) ++front;
  size_t back = 0;
  while (back < shorter - front && same(a[a.size() - 1 - back], b[b.size() - 1 - back])) ++back;
  return {front, back};
}

// "[b, c]" of those from `front` on but for the last `back`.
std::string IdsText(const std::vector<std::string_view>& ids, size_t front, size_t back) {
  std::string text = "[";
  for (size_t i = front; i + back < ids.size(); ++i) {
    if (i > front) text += ", ";
    if (i - front == kMostIds) {
      text += "…";
      break;
    }
    AppendText(ids[i], &text);
  }
  return text + "]";
}

// An override before and after; one of them may be missing.
struct OverridePair {
  const Override* before;
  const Override* after;
  const Override& any() const { return after != nullptr ? *after : *before; }
};

std::string_view MatchKey(const Override& entry, FieldBuffer* buffer) {
  buffer->Clear();
  for (const auto& [dimension, value] : entry.match) {
    buffer->Add(static_cast<int64_t>(dimension.kind)).Add(dimension.label).Add(value);
  }
  return buffer->view();
}

// Those that differ, in the order of what they match. Documents hardly ever differ much: what is
// the same at both ends is passed over before anything is hashed.
std::vector<OverridePair> DifferingOverrides(const Limit& before, const Limit& after) {
  // An amount of USD and one of something else are the same if a document writes them alike.
  const bool comparable =
      (before.unit.kind == UnitKind::kUsd) == (after.unit.kind == UnitKind::kUsd);
  const auto same_amount = [&](const Override& a, const Override& b) {
    if (comparable) return a.amount == b.amount;
    return AmountText(a.amount, before.unit) == AmountText(b.amount, after.unit);
  };
  const auto [front, back] =
      Ends(before.overrides, after.overrides, [&](const Override& a, const Override& b) {
        return a.match == b.match && same_amount(a, b);
      });
  FieldBuffer buffer;
  absl::flat_hash_map<std::string, const Override*> old;
  old.reserve(before.overrides.size() - front - back);
  for (size_t i = front; i + back < before.overrides.size(); ++i) {
    old.emplace(MatchKey(before.overrides[i], &buffer), &before.overrides[i]);
  }
  std::vector<OverridePair> differing;
  for (size_t i = front; i + back < after.overrides.size(); ++i) {
    const Override& entry = after.overrides[i];
    const auto found = old.find(AbslView(MatchKey(entry, &buffer)));
    if (found == old.end()) {
      differing.push_back({nullptr, &entry});
      continue;
    }
    if (!same_amount(*found->second, entry)) differing.push_back({found->second, &entry});
    old.erase(found);
  }
  for (const auto& [key, entry] : old) differing.push_back({entry, nullptr});
  std::sort(differing.begin(), differing.end(), [](const OverridePair& a, const OverridePair& b) {
    return a.any().match < b.any().match;
  });
  return differing;
}

class Differ {
 public:
  Differ(const PolicyDocument& from, const PolicyDocument& to, size_t most)
      : from_(from), to_(to), most_(most), to_families_(CounterFamilies(to)) {
    for (const Digest& family : CounterFamilies(from)) from_families_.insert(family);
  }

  void Run() {
    Compare("approvals", absl::StrCat(from_.approvals), absl::StrCat(to_.approvals));
    Compare("unpriced_models", UnpricedModelsText(from_), UnpricedModelsText(to_));
    Compare("retention", TextOf(from_.retention), TextOf(to_.retention));
    ComparePlaces("tiers", from_.tiers, to_.tiers, TiersCountAnew());
    CompareById("models", from_.model_rules, to_.model_rules);
    ComparePlaces("cost_centers", from_.cost_centers, to_.cost_centers, false);
    CompareById("limits", from_.limits, to_.limits);
    CompareById("alerts", AlertRulesOf(from_), AlertRulesOf(to_));
  }

  std::vector<PolicyChange> changes;
  int64_t unlisted = 0;

 private:
  // Whether one more is listed; if not, it is counted.
  bool Room() {
    if (changes.size() < most_) return true;
    ++unlisted;
    return false;
  }

  void Add(Kind kind, std::string path, std::string before, std::string after, bool counts_anew) {
    if (!Room()) return;
    changes.push_back({kind, std::move(path), std::move(before), std::move(after), counts_anew});
  }

  void Compare(std::string_view path, std::string before, std::string after) {
    if (before == after) return;
    Add(Kind::kChanged, std::string(path), std::move(before), std::move(after), false);
  }

  bool IsNew(const Limit& limit) const {
    return !from_families_.contains(to_families_[&limit - to_.limits.data()]);
  }
  // Whether a limit that has a tier before and after loses its counters.
  bool TiersCountAnew() const {
    absl::flat_hash_set<std::string_view> tiered;
    for (const Limit& limit : from_.limits) {
      if (!limit.tier.empty()) tiered.insert(limit.id);
    }
    return std::any_of(to_.limits.begin(), to_.limits.end(), [&](const Limit& limit) {
      return !limit.tier.empty() && tiered.contains(limit.id) && IsNew(limit);
    });
  }
  static bool IsNew(const ModelRule&) { return false; }
  static bool IsNew(const AlertRule&) { return false; }

  // Rules known by their places. A place before what differs is the same in both; one in it is that
  // of `from` for what is removed, and that of `to` otherwise.
  template <typename Rule>
  void ComparePlaces(std::string_view key, const std::vector<Rule>& from,
                     const std::vector<Rule>& to, bool counts_anew) {
    const auto same = [](const Rule& a, const Rule& b) { return MeaningOf(a) == MeaningOf(b); };
    const auto [front, back] = Ends(from, to, same);
    const size_t from_end = from.size() - back;
    const size_t to_end = to.size() - back;
    for (size_t i = front; i < std::max(from_end, to_end); ++i) {
      const bool had = i < from_end;
      const bool has = i < to_end;
      if ((had && has && same(from[i], to[i])) || !Room()) continue;
      changes.push_back({!had   ? Kind::kAdded
                         : !has ? Kind::kRemoved
                                : Kind::kChanged,
                         absl::StrCat(AbslView(key), "[", i, "]"),
                         had ? TextOf(FieldsOf(from[i])) : "", has ? TextOf(FieldsOf(to[i])) : "",
                         counts_anew});
    }
  }

  template <typename T>
  void CompareById(std::string_view key, const std::vector<T>& from, const std::vector<T>& to) {
    absl::flat_hash_map<std::string_view, const T*> old;
    for (const T& entry : from) old.emplace(entry.id, &entry);
    absl::flat_hash_set<std::string_view> kept;
    for (const T& entry : to) {
      if (old.contains(entry.id)) kept.insert(entry.id);
    }
    CompareOrder(key, IdsIn(from, kept), IdsIn(to, kept));
    for (const T& entry : from) {
      if (kept.contains(entry.id) || !Room()) continue;
      changes.push_back(
          {Kind::kRemoved, PathOf(key, entry.id), TextOf(FieldsOf(entry)), "", false});
    }
    for (const T& entry : to) {
      const std::string path = PathOf(key, entry.id);
      const auto found = old.find(entry.id);
      if (found != old.end()) {
        CompareEntry(path, *found->second, entry);
      } else {
        Add(Kind::kAdded, path, "", TextOf(FieldsOf(entry)), IsNew(entry));
        CompareOverrides(path, T{}, entry);
      }
    }
  }

  static std::string PathOf(std::string_view key, const std::string& id) {
    return absl::StrCat(AbslView(key), "[", id, "]");
  }

  template <typename T>
  static std::vector<std::string_view> IdsIn(const std::vector<T>& entries,
                                             const absl::flat_hash_set<std::string_view>& kept) {
    std::vector<std::string_view> ids;
    for (const T& entry : entries) {
      if (kept.contains(entry.id)) ids.push_back(entry.id);
    }
    return ids;
  }

  void CompareOrder(std::string_view key, const std::vector<std::string_view>& from,
                    const std::vector<std::string_view>& to) {
    if (from == to) return;
    const auto [front, back] =
        Ends(from, to, [](std::string_view a, std::string_view b) { return a == b; });
    Add(Kind::kChanged, std::string(key), IdsText(from, front, back), IdsText(to, front, back),
        false);
  }

  template <typename T>
  void CompareEntry(const std::string& path, const T& before, const T& after) {
    std::vector<Field> old = ParametersOf(before);
    std::vector<Field> now = ParametersOf(after);
    for (size_t i = 0; i < now.size(); ++i) {
      const bool by_text = now[i].meaning.empty();
      if (by_text ? old[i].text == now[i].text : old[i].meaning == now[i].meaning) continue;
      const Kind kind = old[i].text.empty()   ? Kind::kAdded
                        : now[i].text.empty() ? Kind::kRemoved
                                              : Kind::kChanged;
      Add(kind, absl::StrCat(path, ".", AbslView(now[i].key)), std::move(old[i].text),
          std::move(now[i].text), now[i].of_counter && IsNew(after));
    }
    CompareOverrides(path, before, after);
  }

  static void CompareOverrides(const std::string&, const ModelRule&, const ModelRule&) {}
  static void CompareOverrides(const std::string&, const AlertRule&, const AlertRule&) {}
  void CompareOverrides(const std::string& path, const Limit& before, const Limit& after) {
    for (const OverridePair& pair : DifferingOverrides(before, after)) {
      if (!Room()) continue;
      const Kind kind = pair.before == nullptr  ? Kind::kAdded
                        : pair.after == nullptr ? Kind::kRemoved
                                                : Kind::kChanged;
      const auto text = [](const Override* entry, const Limit& limit) {
        return entry == nullptr ? "" : AmountText(entry->amount, limit.unit);
      };
      changes.push_back({kind, absl::StrCat(path, ".overrides[", MatchName(pair.any().match), "]"),
                         text(pair.before, before), text(pair.after, after), false});
    }
  }

  const PolicyDocument& from_;
  const PolicyDocument& to_;
  const size_t most_;
  const std::vector<Digest> to_families_;
  absl::flat_hash_set<Digest> from_families_;
};

}  // namespace

std::vector<PolicyChange> DiffPolicies(const PolicyDocument& from, const PolicyDocument& to,
                                       size_t most, int64_t* unlisted) {
  Differ differ(from, to, most);
  differ.Run();
  *unlisted += differ.unlisted;
  return std::move(differ.changes);
}

}  // namespace quotaplane
