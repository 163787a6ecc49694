// A policy document in YAML -> PolicyDocument -> Policy. docs/policy.md describes the format.
//
//   defaults: {on_outage: deny, time_zone: Europe/Berlin, alert_at: [80%, 100%]}
//   approvals: 1                     # by how many others the next version has to be approved
//   unpriced_models: deny            # or flag, or {price_as: MODEL}
//   tiers:                           # the first that matches a request decides
//     - {tier: restricted, when: {team: [interns, "contractor-*"]}}
//     - {tier: standard}
//   models:
//     - {id: interns, when: {team: interns}, allow: ["claude-haiku-*"]}
//   cost_centers:                    # the first that maps a subject decides
//     - {cost_center: R-100, when: {team: [search, ads]}}
//     - {from: labels.cost_center}   # the subject's own value, where it has one
//   limits:
//     - id: user-month
//       tier: restricted             # only requests of that tier; without it, all
//       per: [user]
//       when: {model: "claude-*", labels.agent: ["ci-*", "nightly"]}
//       unit: usd
//       amount: 500                  # USD, exact decimal; plain integers for other units
//       window: month
//       time_zone: Europe/Berlin     # calendar windows only
//       starts_on: 1                 # calendar windows only
//       on_exceed: deny              # soft | shadow | {downgrade: MODEL} or "downgrade: MODEL"
//       on_outage: allow             # deny and downgrade limits need it, here or in `defaults`;
//                                    # soft and shadow limits never refuse, so they always allow
//       hold: estimate               # or none
//       alert_at: [50%, 80%, 100%]   # [] for none
//       overrides:
//         - {user: alice, amount: 900}
//   alerts:                          # the first that fits what happened decides
//     - {id: spent, on: threshold, limits: "user-*", at: 100%, receivers: oncall, hold_off: 1h}
//     - {id: soon, on: forecast, margin: 12h, action: {throttle: 50%, for: 2h}}
//     - {id: odd, on: anomaly, when: {team: ads}, signals: cost, per: [user], floor: 20}
//     - {id: wild, on: runaway, severity: critical, action: {freeze: true, for: 2h}}
//   retention: {entries: 400d, hours: 400d, days: 3650d}   # at least 90d, or below_floor: true
//
// Errors: INVALID_ARGUMENT with one line per problem (all of them, at most 50), each
// "FILE:LINE: KEY.PATH: what is wrong; what would be right". Unknown keys, duplicate keys and ids,
// unknown zones, wrong types, absurd windows and amounts are errors; so is an empty file (the least
// policy is `limits: []`), and anything past the bounds: 16 MiB of text, 10,000 limits, 1,000,000
// overrides, 32 levels of nesting, no YAML aliases (they can explode).
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "libs/policy/policy.h"

namespace quotaplane {

// `name` stands for the file in messages.
absl::StatusOr<std::shared_ptr<const Policy>> ParsePolicy(std::string_view text,
                                                          std::string_view name);
// NOT_FOUND or PERMISSION_DENIED name the path.
absl::StatusOr<std::shared_ptr<const Policy>> LoadPolicyFile(const std::string& path);

}  // namespace quotaplane
