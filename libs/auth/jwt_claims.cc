#include "libs/auth/jwt_claims.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "libs/base/absl_view.h"
#include "libs/base/error.h"

namespace quotaplane {
namespace {

using nlohmann::json;

// A year past which no token needs to be good: seconds that fit into int64 microseconds.
constexpr double kMaxSeconds = 253'402'300'800;  // 10000-01-01

absl::Status Invalid(const std::string& rule) {
  return ReasonedError(absl::StatusCode::kUnauthenticated, "TOKEN_INVALID",
                       absl::StrCat("the token is not accepted: ", rule));
}

// A NumericDate in microseconds.
std::optional<int64_t> Time(const json& claims, const char* name) {
  const auto found = claims.find(name);
  if (found == claims.end() || !found->is_number()) return std::nullopt;
  const double seconds = found->get<double>();
  if (!(seconds >= 0 && seconds <= kMaxSeconds)) return std::nullopt;
  return static_cast<int64_t>(seconds * 1e6);
}

std::vector<std::string> Texts(const json& claims, const std::string& name) {
  const auto found = claims.find(name);
  std::vector<std::string> texts;
  if (found == claims.end()) return texts;
  if (found->is_string()) texts.push_back(found->get<std::string>());
  if (!found->is_array()) return texts;
  for (const json& each : *found) {
    if (each.is_string()) texts.push_back(each.get<std::string>());
  }
  return texts;
}

bool HasControlCharacter(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

}  // namespace

std::string UnverifiedIssuer(std::string_view token) {
  const size_t first = token.find('.');
  if (first == std::string_view::npos) return "";
  const size_t second = token.find('.', first + 1);
  if (second == std::string_view::npos) return "";
  std::string payload;
  if (!absl::WebSafeBase64Unescape(AbslView(token.substr(first + 1, second - first - 1)),
                                   &payload)) {
    return "";
  }
  const json claims = json::parse(payload, nullptr, /*allow_exceptions=*/false);
  if (!claims.is_object() || !claims.contains("iss") || !claims["iss"].is_string()) return "";
  return claims["iss"].get<std::string>();
}

absl::StatusOr<JwtClaims> CheckClaims(std::string_view payload, const IssuerConfig& issuer,
                                      int64_t now_us) {
  const json claims = json::parse(payload, nullptr, /*allow_exceptions=*/false);
  if (!claims.is_object()) return Invalid("its payload is no JSON object");
  const auto iss = claims.find("iss");
  if (iss == claims.end() || !iss->is_string() || *iss != issuer.issuer) {
    return Invalid("it is of another issuer");
  }
  const std::vector<std::string> audience = Texts(claims, "aud");
  if (std::find(audience.begin(), audience.end(), issuer.audience) == audience.end()) {
    return Invalid("it is for another audience");
  }
  JwtClaims read;
  const std::optional<int64_t> expiry = Time(claims, "exp");
  if (!expiry.has_value()) return Invalid("it has no expiry");
  read.expires_at_us = *expiry + kJwtLeewayUs;
  if (now_us >= read.expires_at_us) {
    return ReasonedError(absl::StatusCode::kUnauthenticated, "TOKEN_EXPIRED",
                         "the token has expired");
  }
  if (claims.contains("nbf")) {
    const std::optional<int64_t> not_before = Time(claims, "nbf");
    if (!not_before.has_value()) return Invalid("its not-before is no time");
    read.not_before_us = *not_before - kJwtLeewayUs;
    if (now_us < read.not_before_us) return Invalid("it is not good yet");
  }
  const auto sub = claims.find("sub");
  if (sub != claims.end() && sub->is_string()) read.subject = sub->get<std::string>();
  if (read.subject.empty() || read.subject.size() > kMaxSubjectBytes ||
      HasControlCharacter(read.subject)) {
    return Invalid("it has no subject, or one that is too long");
  }
  read.groups = Texts(claims, issuer.groups_claim);
  return read;
}

Principal PrincipalOf(const JwtClaims& claims, const IssuerConfig& issuer) {
  Principal principal;
  principal.name = absl::StrCat("oidc:", issuer.issuer, "#", claims.subject);
  for (const std::string& group : claims.groups) {
    const auto found = issuer.groups.find(group);
    if (found == issuer.groups.end()) continue;
    principal.grants.insert(principal.grants.end(), found->second.begin(), found->second.end());
  }
  std::sort(principal.grants.begin(), principal.grants.end());
  principal.grants.erase(std::unique(principal.grants.begin(), principal.grants.end()),
                         principal.grants.end());
  return principal;
}

}  // namespace quotaplane
