#include "libs/config/auth_reader.h"

#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "libs/auth/token.h"
#include "libs/base/absl_view.h"
#include "libs/base/status_macros.h"
#include "libs/config/yaml_reader.h"
#include "libs/policy/subject.h"

namespace quotaplane {
namespace {

// A list, or a map's entries, within `most`; empty and a problem otherwise.
bool Fits(const YamlNode& node, size_t most, std::string_view what) {
  if (node.size() <= most) return true;
  node.Report(
      absl::StrCat("has ", node.size(), " ", AbslView(what), "; at most ", most, " are allowed"));
  return false;
}

// Text that is not empty and unlike all others of `seen`.
std::string ReadText(const YamlNode& holder, std::string_view key, std::string_view hint,
                     std::set<std::string>* seen) {
  const std::optional<YamlNode> node = holder.Require(key, hint);
  if (!node.has_value()) return "";
  const std::optional<std::string_view> text = node->String();
  if (!text.has_value()) return "";
  if (const absl::Status status = CheckValue(*text); !status.ok()) {
    node->Report(absl::StrCat(status.message()));
    return "";
  }
  if (seen != nullptr && !seen->emplace(*text).second) {
    node->Report(absl::StrCat(QuoteForMessage(*text), " is there twice"));
  }
  return std::string(*text);
}

std::optional<Grant> ReadGrant(const YamlNode& node) {
  if (!node.ExpectMap()) return std::nullopt;
  node.ExpectKeys({"role", "org"});
  const auto role = node.Require("role", "write {role: ROLE, org: ORG}");
  std::optional<size_t> index;
  if (role.has_value()) {
    index = role->OneOf({"gateway", "viewer", "finance", "admin", "approver", "auditor"});
  }
  std::string org =
      ReadText(node, "org", "name one, or \"*\" for all and for the deployment", nullptr);
  if (!index.has_value() || org.empty()) return std::nullopt;
  return Grant{static_cast<Role>(*index), std::move(org)};
}

std::vector<Grant> ReadGrants(const YamlNode& list) {
  std::vector<Grant> grants;
  if (!list.ExpectList() || !Fits(list, kMaxAuthRoles, "roles")) return grants;
  if (list.size() == 0) list.Report("is empty: it lets nobody do anything");
  for (const YamlNode each : list) {
    if (std::optional<Grant> grant = ReadGrant(each)) grants.push_back(*std::move(grant));
  }
  return grants;
}

std::vector<Grant> RequireGrants(const YamlNode& holder) {
  const auto roles = holder.Require("roles", "write a list of {role: ROLE, org: ORG}");
  return roles.has_value() ? ReadGrants(*roles) : std::vector<Grant>();
}

// "2027-01-01", or RFC 3339.
int64_t ReadExpiry(const YamlNode& node) {
  const std::optional<std::string_view> text = node.String();
  if (!text.has_value()) return 0;
  absl::CivilDay day;
  if (text->size() == 10 && absl::ParseCivilTime(AbslView(*text), &day)) {
    return absl::ToUnixMicros(absl::FromCivil(day, absl::UTCTimeZone()));
  }
  absl::Time time;
  std::string error;
  if (absl::ParseTime(absl::RFC3339_full, AbslView(*text), &time, &error)) {
    return absl::ToUnixMicros(time);
  }
  node.Report(
      absl::StrCat("must be a day such as 2027-01-01, or a time such as 2027-01-01T12:00:00Z, not ",
                   QuoteForMessage(*text)));
  return 0;
}

// A hash is no secret, but whoever writes the token in its place has told one: it is not repeated.
Hash256 ReadHash(const YamlNode& node, std::set<Hash256>* seen) {
  const std::optional<std::string_view> text = node.String();
  if (!text.has_value()) return {};
  const std::optional<Hash256> hash = ParseTokenHash(*text);
  if (!hash.has_value()) {
    node.Report(
        "must be blake2b: and 64 hexadecimal digits, as `quotactl token new` prints it; the token "
        "itself does not belong here");
    return {};
  }
  if (!seen->insert(*hash).second) node.Report("is the hash of another token in this file");
  return *hash;
}

void ReadTokens(const YamlNode& list, AuthConfig* config) {
  if (!list.ExpectList() || !Fits(list, kMaxAuthEntries, "tokens")) return;
  std::set<std::string> names;
  std::set<Hash256> hashes;
  for (const YamlNode node : list) {
    if (!node.ExpectMap()) continue;
    node.ExpectKeys({"name", "hash", "expires", "roles"});
    TokenConfig token;
    token.name = ReadText(node, "name", "audit rows show it", &names);
    if (const auto hash = node.Require("hash", "`quotactl token new` prints it")) {
      token.hash = ReadHash(*hash, &hashes);
    }
    if (const auto expires = node.Require("expires", "no token is good for ever")) {
      token.expires_at_us = ReadExpiry(*expires);
    }
    token.grants = RequireGrants(node);
    config->tokens.push_back(std::move(token));
  }
}

void ReadCertificates(const YamlNode& list, AuthConfig* config) {
  if (!list.ExpectList() || !Fits(list, kMaxAuthEntries, "certificates")) return;
  std::set<std::string> names;
  for (const YamlNode node : list) {
    if (!node.ExpectMap()) continue;
    node.ExpectKeys({"match", "roles"});
    CertificateConfig certificate;
    certificate.match =
        ReadText(node, "match", "write its common name or one of its alternative names", &names);
    certificate.grants = RequireGrants(node);
    config->certificates.push_back(std::move(certificate));
  }
}

std::string ReadKeysPlace(const YamlNode& holder) {
  const auto node = holder.Require("keys", "write the URL of its key set (jwks_uri), or a file");
  if (!node.has_value()) return "";
  const std::optional<std::string_view> text = node->String();
  if (!text.has_value()) return "";
  if (text->empty() || (text->find("://") != std::string_view::npos && !IsAllowedKeysUrl(*text))) {
    node->Report("must be a file, an https:// URL, or an http:// URL of this machine");
  }
  return std::string(*text);
}

void ReadIssuers(const YamlNode& list, AuthConfig* config) {
  if (!list.ExpectList() || !Fits(list, kMaxAuthIssuers, "issuers")) return;
  std::set<std::string> names;
  for (const YamlNode node : list) {
    if (!node.ExpectMap()) continue;
    node.ExpectKeys({"issuer", "audience", "keys", "ca_file", "groups_claim", "groups"});
    IssuerConfig issuer;
    issuer.issuer = ReadText(node, "issuer", "write it as the claim `iss` has it", &names);
    issuer.audience = ReadText(node, "audience", "tokens for others must not pass here", nullptr);
    issuer.keys = ReadKeysPlace(node);
    if (const auto ca_file = node.Find("ca_file")) {
      issuer.ca_file = ReadText(node, "ca_file", "", nullptr);
      if (!issuer.keys.starts_with("https://")) {
        ca_file->Report("is for keys from an https:// URL, whose certificate it vouches for");
      }
    }
    if (node.Find("groups_claim").has_value()) {
      issuer.groups_claim = ReadText(node, "groups_claim", "", nullptr);
    }
    const auto groups = node.Require("groups", "say what its groups may do");
    if (groups.has_value() && groups->ExpectMap() && Fits(*groups, kMaxAuthEntries, "groups")) {
      for (const YamlNode group : *groups) {
        issuer.groups[std::string(group.key())] = ReadGrants(group);
      }
    }
    config->issuers.push_back(std::move(issuer));
  }
}

}  // namespace

absl::StatusOr<AuthConfig> ParseAuthConfig(std::string_view text, std::string_view name) {
  QP_ASSIGN_OR_RETURN(const std::unique_ptr<YamlDocument> document,
                      YamlDocument::Parse(text, name));
  AuthConfig config;
  const YamlNode root = document->root();
  if (root.ExpectMap()) {
    root.ExpectKeys({"tokens", "certificates", "issuers"});
    if (const auto tokens = root.Find("tokens")) ReadTokens(*tokens, &config);
    if (const auto certificates = root.Find("certificates")) {
      ReadCertificates(*certificates, &config);
    }
    if (const auto issuers = root.Find("issuers")) ReadIssuers(*issuers, &config);
    if (document->problem_count() == 0 && config.tokens.empty() && config.certificates.empty() &&
        config.issuers.empty()) {
      root.Report("names nobody: write tokens, certificates or issuers");
    }
  }
  QP_RETURN_IF_ERROR(document->status());
  return config;
}

absl::StatusOr<AuthConfig> LoadAuthFile(const std::string& path) {
  QP_ASSIGN_OR_RETURN(const std::string text, ReadConfigFile(path));
  return ParseAuthConfig(text, path);
}

}  // namespace quotaplane
