#include "libs/auth/role.h"

#include <algorithm>
#include <array>
#include <map>

namespace quotaplane {
namespace {

constexpr std::array<std::string_view, kRoleCount> kNames = {"gateway", "viewer",   "finance",
                                                             "admin",   "approver", "auditor"};

using Roles = std::vector<Role>;
using Table = std::map<std::string, Roles, std::less<>>;

void Add(Table* table, const std::string& service, const Roles& roles,
         std::initializer_list<std::string_view> methods) {
  for (const std::string_view method : methods) {
    table->emplace("/" + service + "/" + std::string(method), roles);
  }
}

Table MakeTable() {
  const Roles everybody;
  const Roles every_role = {Role::kGateway, Role::kViewer,   Role::kFinance,
                            Role::kAdmin,   Role::kApprover, Role::kAuditor};
  const Roles readers = {Role::kViewer, Role::kFinance, Role::kAdmin, Role::kApprover,
                         Role::kAuditor};
  const Roles gateway = {Role::kGateway};
  const Roles finance = {Role::kFinance};
  const Roles admin = {Role::kAdmin};
  const Roles approver = {Role::kApprover};
  const Roles auditor = {Role::kAuditor};
  const Roles report_readers = {Role::kFinance, Role::kAuditor};
  const Roles verifiers = {Role::kFinance, Role::kAdmin, Role::kAuditor};
  const Roles triers = {Role::kFinance, Role::kAdmin};
  const Roles handlers = {Role::kAdmin, Role::kApprover, Role::kFinance};

  Table table;
  Add(&table, "grpc.health.v1.Health", everybody, {"Check", "Watch"});
  Add(&table, "grpc.reflection.v1alpha.ServerReflection", everybody, {"ServerReflectionInfo"});
  Add(&table, "grpc.reflection.v1.ServerReflection", everybody, {"ServerReflectionInfo"});
  Add(&table, "quotaplane.v1.internal.PingService", every_role, {"Ping"});

  const std::string quota = "quotaplane.v1.QuotaService";
  Add(&table, quota, gateway, {"Reserve", "Extend", "Commit", "Release", "Record", "Check"});
  Add(&table, quota, every_role, {"GetUsage"});

  const std::string ledger = "quotaplane.v1.LedgerService";
  Add(&table, ledger, verifiers, {"Verify"});
  Add(&table, ledger, admin, {"RebuildCounters", "EraseUser"});
  Add(&table, ledger, finance, {"Adjust", "Rerate"});
  Add(&table, ledger, readers, {"GetStatus"});

  const std::string reports = "quotaplane.v1.ReportService";
  Add(&table, reports, report_readers,
      {"QueryUsage", "ListTopSpenders", "ComparePeriods", "ListStatements", "GetStatement"});
  Add(&table, reports, finance, {"ExportUsage", "CloseMonth", "PreviewMonth", "PreviewStatement"});

  const std::string control = "quotaplane.v1.AdminService";
  Add(&table, control, admin,
      {"CreateDraft", "UpdateDraft", "DiscardDraft", "ActivatePolicy", "RollbackPolicy", "SetLimit",
       "CreateKey", "UpdateKey", "RotateKey", "RevokeKey", "CreatePriceBook", "ActivatePriceBook",
       "ExportState", "ApplyState", "SetLogLevel"});
  Add(&table, control, approver, {"ApprovePolicy", "ApproveException", "DenyException"});
  Add(&table, control, triers, {"BacktestPolicy"});
  Add(&table, control, readers,
      {"GetPolicy", "ListPolicyVersions", "DiffPolicy", "PlanPolicy", "GetLimit",
       "ListEffectiveLimits", "RequestException", "RevokeException", "GetException",
       "ListExceptions", "GetKey", "ListKeys", "GetPriceBook", "ListPriceBooks", "GetPropagation",
       "GetLogLevel"});
  Add(&table, control, auditor, {"ListAudit", "WatchAudit"});

  const std::string alerts = "quotaplane.v1.AlertService";
  Add(&table, alerts, readers,
      {"ListAlerts", "GetAlert", "WatchAlerts", "ListSilences", "ListDeliveries"});
  Add(&table, alerts, handlers,
      {"AcknowledgeAlert", "ResolveAlert", "GiveFeedback", "CreateSilence", "EndSilence"});
  Add(&table, alerts, admin, {"SendAgain", "TestDelivery"});
  return table;
}

const Table& Methods() {
  static const Table* const kTable = new Table(MakeTable());
  return *kTable;
}

bool Has(const Roles& roles, Role role) {
  return std::find(roles.begin(), roles.end(), role) != roles.end();
}

std::shared_ptr<const Principal> MakeAnonymous() {
  Principal principal{"anonymous", {}};
  for (int role = 0; role < kRoleCount; ++role) {
    principal.grants.push_back({static_cast<Role>(role), std::string(kAllOrgs)});
  }
  return std::make_shared<const Principal>(std::move(principal));
}

}  // namespace

std::string_view RoleName(Role role) { return kNames[static_cast<size_t>(role)]; }

std::optional<Role> ParseRole(std::string_view name) {
  const auto* const found = std::find(kNames.begin(), kNames.end(), name);
  if (found == kNames.end()) return std::nullopt;
  return static_cast<Role>(found - kNames.begin());
}

bool Principal::MayAs(const std::vector<Role>& roles, std::string_view org) const {
  return std::any_of(grants.begin(), grants.end(), [&](const Grant& grant) {
    return (grant.org == kAllOrgs || (grant.org == org && !org.empty())) && Has(roles, grant.role);
  });
}

bool Principal::MayAsAnywhere(const std::vector<Role>& roles) const {
  return std::any_of(grants.begin(), grants.end(),
                     [&](const Grant& grant) { return Has(roles, grant.role); });
}

std::vector<std::string> Principal::OrgsAs(const std::vector<Role>& roles) const {
  std::vector<std::string> orgs;
  for (const Grant& grant : grants) {
    if (!Has(roles, grant.role)) continue;
    if (grant.org == kAllOrgs) return {std::string(kAllOrgs)};
    orgs.push_back(grant.org);
  }
  std::sort(orgs.begin(), orgs.end());
  orgs.erase(std::unique(orgs.begin(), orgs.end()), orgs.end());
  return orgs;
}

std::shared_ptr<const Principal> AnonymousPrincipal() {
  static const auto* const kAnonymous = new std::shared_ptr<const Principal>(MakeAnonymous());
  return *kAnonymous;
}

std::shared_ptr<const Principal> UnknownPrincipal() {
  static const auto* const kUnknown = new std::shared_ptr<const Principal>(
      std::make_shared<const Principal>(Principal{"unknown", {}}));
  return *kUnknown;
}

const std::vector<Role>* RolesFor(std::string_view method_path) {
  const auto found = Methods().find(method_path);
  return found == Methods().end() ? nullptr : &found->second;
}

std::vector<std::string> KnownMethods() {
  std::vector<std::string> paths;
  for (const auto& [path, roles] : Methods()) paths.push_back(path);
  return paths;
}

}  // namespace quotaplane
