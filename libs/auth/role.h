// Who may do what. Roles are given per org, or for all orgs and the deployment itself ("*").
// Default deny: a method that the table does not name may be called by nobody.
//
//   gateway   Reserve, Extend, Commit, Release, Record, Check, GetUsage
//   viewer    reads: usage of limits, effective limits, policy versions, plans, exceptions, keys
//             (never secrets), price books, how far ledger and replicas are; may request an
//             exception, and revoke one (services/admin: its own); reads alerts
//   finance   what a viewer may, and reports, exports, statements, closes, corrections,
//             verification, backtests; acknowledges, resolves and silences alerts
//   admin     what a viewer may, and writes: policy versions, limits, exceptions, keys, state,
//             price books; backtests, verification, rebuilding counters, erasure; alerts as
//             finance, and their deliveries; not approvals
//   approver  what a viewer may, and approves or denies policy versions and exceptions; alerts as
//             finance
//   auditor   what a viewer may, and the audit log, verification, reports and statements
//
// What is of the deployment (price books, all orgs at once) needs the role for "*".
#pragma once

#include <compare>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace quotaplane {

enum class Role { kGateway, kViewer, kFinance, kAdmin, kApprover, kAuditor };
inline constexpr int kRoleCount = 6;

std::string_view RoleName(Role role);  // "gateway", …
std::optional<Role> ParseRole(std::string_view name);

inline constexpr std::string_view kAllOrgs = "*";

struct Grant {
  Role role = Role::kViewer;
  std::string org;  // or kAllOrgs

  friend auto operator<=>(const Grant&, const Grant&) = default;
};

// Who a call comes from.
struct Principal {
  // How audit rows name it: "token:ci-gateway", "oidc:ISSUER#SUBJECT", "cert:NAME", "anonymous".
  std::string name;
  std::vector<Grant> grants;

  // Has one of `roles` for `org`; an empty `org` is the deployment, for which only "*" counts.
  bool MayAs(const std::vector<Role>& roles, std::string_view org) const;
  // Has one of `roles` for any org at all.
  bool MayAsAnywhere(const std::vector<Role>& roles) const;
  // The orgs for which it has one of `roles`; {"*"} if that is all of them.
  std::vector<std::string> OrgsAs(const std::vector<Role>& roles) const;
};

// Where nobody is asked who they are: everybody, with every role for "*".
std::shared_ptr<const Principal> AnonymousPrincipal();
// Whoever could not say who they are: no role at all. "unknown".
std::shared_ptr<const Principal> UnknownPrincipal();

// The roles of which one is needed to call "/package.Service/Method". Null: nobody may (default
// deny). Health and reflection are for everybody: an empty list. Ping is for everybody who has a
// role at all. Lives for ever.
const std::vector<Role>* RolesFor(std::string_view method_path);
// Every path that the table names.
std::vector<std::string> KnownMethods();

}  // namespace quotaplane
