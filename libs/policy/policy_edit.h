// Changes of a policy document, one at a time: what people mean by "alice may spend 500 USD a
// month".
//
// An edit leaves the document in its normal form, but does not check it as a whole: Policy::Build
// does (ties of overrides, bounds, ids). Where it fails, it has changed nothing.
//
// Which limit an amount is set in, if none is named: the one that counts exactly the requests of
// the scope, no more and no fewer, in that unit and over that window. So
// - it has no tier;
// - each of its `per` is in the scope;
// - each of its `when` is on a dimension of the scope, or the org, and takes the scope's value;
// - what of the scope is not in `per`, `when` pins to the scope's value and no other.
// Of a calendar window any time zone and start will do, unless a time zone is given. What decides
// otherwise (on_exceed, hold) does not matter here: two that count the same are ambiguous.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "libs/policy/policy.h"

namespace quotaplane {

// Exact values by dimension: sorted, each dimension once, values that meet CheckValue.
using ScopeValues = std::vector<std::pair<Dimension, std::string>>;

// The amount of a limit for a scope. Where the scope is one of those that the limit counts, or has
// fewer dimensions, that is an override; the limit's own amount for no scope at all, and where its
// `when` leaves one scope only. Where no limit counts it, a new one at the end is made: `per` has
// the dimensions of the scope, `when` its values.
struct SetAmount {
  std::string limit_id;  // empty: found as above
  ScopeValues scope;     // not the org
  // Needed where limit_id is empty, the window not for concurrency. Where given, a limit that is
  // named has to agree.
  std::optional<Unit> unit;
  std::optional<WindowSpec> window;         // its zone and start do not matter
  std::optional<absl::TimeZone> time_zone;  // calendar windows only; a new limit's otherwise UTC
  int64_t amount = 0;
  // Of a new limit, which needs it.
  std::optional<OnOutage> on_outage;
};

struct RemoveOverride {
  std::string limit_id;
  ScopeValues match;  // exactly as the override has it, the org included
};

// In place of the limit with its id, or new at the end. In normal form.
struct PutLimit {
  Limit limit;
};

struct RemoveLimit {
  std::string limit_id;
};

struct PolicyEdit {
  std::variant<SetAmount, RemoveOverride, PutLimit, RemoveLimit> edit;
  // Whose document it is: overrides may name it.
  std::string org;
  // Where the edit was given, for errors: "set", "edits.edits[3].set_amount".
  std::string field;
};

struct AppliedEdit {
  std::string limit_id;  // the limit that has the amount now, or was put or removed
  bool new_limit = false;
};

// `document` is in normal form. NOT_FOUND: no such limit or override. FieldError otherwise:
// ambiguous, does not fit the limit, or lacks what a new limit needs.
absl::Status ApplyEdit(const PolicyEdit& edit, PolicyDocument* document, AppliedEdit* applied);

}  // namespace quotaplane
