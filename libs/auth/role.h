// Who may do what. Roles are given per org, or for all orgs and the deployment itself ("*").
// Default deny: a method that the table does not name may be called by nobody.
//
//   gateway   Reserve, Extend, Commit, Release, Record, Check, GetUsage
//   viewer    reads: limits, usage, policy versions, plans, exceptions, keys (never secrets), price
//   books;
//             may request an exception
//   finance   what a viewer may, and reports, exports, statements, closes, corrections,
//   verification,
//             backtests
//   admin     what a viewer may, and writes: policy versions, limits, exceptions, keys, state,
//   backtests,
//             verification, rebuilding counters, erasure; not approvals
//   approver  what a viewer may, and approves or denies policy versions and exceptions
//   auditor   what a viewer may, and the audit log, verification, reports
//
// What is of the deployment (price books, all orgs at once) needs the role for "*".
#pragma once

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
  // How audit rows name it: "token:ci-gateway", "oidc:ISSUER#SUBJECT", "cert:CN=gateway-1",
  // "anonymous".
  std::string name;
  std::vector<Grant> grants;

  // Has one of `roles` for `org`; an empty `org` is the deployment, for which only "*" counts.
  bool MayAs(const std::vector<Role>& roles, std::string_view org) const;
  // The orgs for which it has one of `roles`; {"*"} if that is all of them.
  std::vector<std::string> OrgsAs(const std::vector<Role>& roles) const;
};

// The roles of which one is needed to call "/package.Service/Method". Null: nobody may (default
// deny). Health and reflection are for everybody: an empty list.
const std::vector<Role>* RolesFor(std::string_view method_path);

}  // namespace quotaplane
