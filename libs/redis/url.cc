#include "libs/redis/url.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "libs/base/absl_view.h"
#include "libs/base/status_macros.h"

namespace quotaplane::redis {
namespace {

constexpr int kRedisPort = 6379;
constexpr int kSentinelPort = 26379;

absl::Status Invalid(absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("Redis URL: ", what));
}

std::optional<int> HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return std::nullopt;
}

absl::StatusOr<std::string> PercentDecode(absl::string_view text, absl::string_view what) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const auto high = i + 2 < text.size() ? HexDigit(text[i + 1]) : std::nullopt;
    const auto low = i + 2 < text.size() ? HexDigit(text[i + 2]) : std::nullopt;
    if (!high || !low) return Invalid(absl::StrCat("bad percent-encoding in the ", what));
    out += static_cast<char>(*high * 16 + *low);
    i += 2;
  }
  return out;
}

absl::StatusOr<int> ParsePort(absl::string_view text) {
  int port = 0;
  if (text.empty() || !absl::ascii_isdigit(static_cast<unsigned char>(text[0])) ||
      !absl::SimpleAtoi(text, &port) || port < 1 || port > 65535) {
    return Invalid("a port is a number from 1 to 65535");
  }
  return port;
}

absl::StatusOr<int> ParseDb(absl::string_view text) {
  int db = 0;
  if (text.empty() || !absl::ascii_isdigit(static_cast<unsigned char>(text[0])) ||
      !absl::SimpleAtoi(text, &db)) {
    return Invalid("the database is a number from 0 on");
  }
  return db;
}

absl::StatusOr<Endpoint> ParseHost(absl::string_view text, int default_port) {
  Endpoint endpoint;
  endpoint.port = default_port;
  absl::string_view rest;
  if (absl::ConsumePrefix(&text, "[")) {
    const size_t close = text.find(']');
    if (close == text.npos) return Invalid("'[' without ']' around an IPv6 address");
    endpoint.host = std::string(text.substr(0, close));
    rest = text.substr(close + 1);
    if (!rest.empty() && rest[0] != ':') return Invalid("only ':port' may follow ']'");
  } else {
    const size_t colon = text.find(':');
    endpoint.host = std::string(text.substr(0, colon));
    if (colon != text.npos) rest = text.substr(colon);
    if (rest.find(':', 1) != rest.npos)
      return Invalid("IPv6 addresses stand in brackets: [::1]:6379");
  }
  if (endpoint.host.empty()) return Invalid("a host is missing");
  for (unsigned char c : endpoint.host) {
    if (c <= ' ' || c == 0x7f || c == '%')
      return Invalid("a host has a character that no host has");
  }
  if (!rest.empty()) {
    QP_ASSIGN_OR_RETURN(endpoint.port, ParsePort(rest.substr(1)));
  }
  return endpoint;
}

absl::Status ParseUserInfo(absl::string_view text, Credentials& credentials) {
  const size_t colon = text.find(':');
  QP_ASSIGN_OR_RETURN(credentials.user, PercentDecode(text.substr(0, colon), "user"));
  if (colon == text.npos) return absl::OkStatus();
  QP_ASSIGN_OR_RETURN(credentials.password, PercentDecode(text.substr(colon + 1), "password"));
  return absl::OkStatus();
}

absl::Status ParseScheme(absl::string_view scheme, Url& url, bool& is_unix) {
  is_unix = scheme == "unix";
  if (is_unix) return absl::OkStatus();
  const std::vector<absl::string_view> parts = absl::StrSplit(scheme, absl::MaxSplits('+', 1));
  const absl::string_view kind = parts.size() == 2 ? parts[1] : "";
  if (parts[0] != "redis" && parts[0] != "rediss") {
    return Invalid(
        "the scheme is unix, redis or rediss, the latter two with +sentinel or +cluster");
  }
  url.tls = parts[0] == "rediss";
  if (parts.size() == 1) return absl::OkStatus();
  if (kind == "sentinel") {
    url.topology = Topology::kSentinel;
  } else if (kind == "cluster") {
    url.topology = Topology::kCluster;
  } else {
    return Invalid("after '+' comes sentinel or cluster");
  }
  return absl::OkStatus();
}

absl::Status ParseQuery(absl::string_view query, bool is_unix, Url& url) {
  std::vector<absl::string_view> seen;
  for (absl::string_view pair : absl::StrSplit(query, '&')) {
    const size_t equals = pair.find('=');
    if (equals == pair.npos) return Invalid("the query is key=value&…");
    const absl::string_view key = pair.substr(0, equals);
    for (absl::string_view other : seen) {
      if (other == key) return Invalid(absl::StrCat("query key '", key, "' is given twice"));
    }
    seen.push_back(key);
    QP_ASSIGN_OR_RETURN(std::string value, PercentDecode(pair.substr(equals + 1), "query"));
    if (is_unix && key == "db") {
      QP_ASSIGN_OR_RETURN(url.db, ParseDb(value));
    } else if (url.tls && key == "cafile") {
      url.tls_files.ca = std::move(value);
    } else if (url.tls && key == "certfile") {
      url.tls_files.cert = std::move(value);
    } else if (url.tls && key == "keyfile") {
      url.tls_files.key = std::move(value);
    } else {
      return Invalid(absl::StrCat("query key '", key, "' is unknown for this scheme"));
    }
  }
  if (url.tls_files.cert.empty() != url.tls_files.key.empty()) {
    return Invalid("certfile and keyfile go together");
  }
  return absl::OkStatus();
}

// `path` is what follows the hosts, without the leading '/'.
absl::Status ParsePath(absl::string_view path, Url& url) {
  if (url.topology == Topology::kCluster) {
    if (!path.empty()) return Invalid("a Cluster has database 0 only: nothing follows the hosts");
    return absl::OkStatus();
  }
  if (url.topology == Topology::kSentinel) {
    const size_t slash = path.find('/');
    QP_ASSIGN_OR_RETURN(url.master_name, PercentDecode(path.substr(0, slash), "master's name"));
    if (url.master_name.empty()) return Invalid("Sentinel needs /master-name");
    path = slash == path.npos ? "" : path.substr(slash + 1);
  }
  if (path.empty()) return absl::OkStatus();
  QP_ASSIGN_OR_RETURN(url.db, ParseDb(path));
  return absl::OkStatus();
}

}  // namespace

std::string Endpoint::ToString() const {
  if (!path.empty()) return absl::StrCat("unix:", path);
  if (host.find(':') != host.npos) return absl::StrCat("[", host, "]:", port);
  return absl::StrCat(host, ":", port);
}

absl::StatusOr<Url> ParseUrl(std::string_view url_text) {
  const absl::string_view text = AbslView(url_text);
  Url url;
  bool is_unix = false;
  const size_t scheme_end = text.find("://");
  if (scheme_end == text.npos) return Invalid("it begins with a scheme and ://");
  QP_RETURN_IF_ERROR(ParseScheme(text.substr(0, scheme_end), url, is_unix));
  absl::string_view rest = text.substr(scheme_end + 3);
  // The query is cut off behind the user information only: a raw '?' in a password is told apart
  // from it by '@'.
  const size_t authority_end = std::min(rest.find('/'), rest.size());
  const size_t at = rest.substr(0, authority_end).rfind('@');
  if (at != rest.npos) {
    QP_RETURN_IF_ERROR(ParseUserInfo(rest.substr(0, at), url.credentials));
    rest = rest.substr(at + 1);
  }
  const size_t question = rest.find('?');
  if (question != rest.npos) {
    QP_RETURN_IF_ERROR(ParseQuery(rest.substr(question + 1), is_unix, url));
    rest = rest.substr(0, question);
  }
  if (is_unix) {
    Endpoint endpoint;
    QP_ASSIGN_OR_RETURN(endpoint.path, PercentDecode(rest, "path"));
    if (endpoint.path.empty() || endpoint.path[0] != '/')
      return Invalid("unix:// needs an absolute path");
    url.endpoints.push_back(std::move(endpoint));
    return url;
  }
  const size_t slash = rest.find('/');
  const int default_port = url.topology == Topology::kSentinel ? kSentinelPort : kRedisPort;
  for (absl::string_view host : absl::StrSplit(rest.substr(0, slash), ',')) {
    QP_ASSIGN_OR_RETURN(Endpoint endpoint, ParseHost(host, default_port));
    url.endpoints.push_back(std::move(endpoint));
  }
  if (url.topology == Topology::kStandalone && url.endpoints.size() > 1) {
    return Invalid("several hosts need +sentinel or +cluster");
  }
  QP_RETURN_IF_ERROR(ParsePath(slash == rest.npos ? "" : rest.substr(slash + 1), url));
  return url;
}

absl::StatusOr<Endpoint> ParseHostPort(std::string_view host_port) {
  const absl::string_view text = AbslView(host_port);
  const size_t colon = text.rfind(':');
  if (colon == text.npos) return Invalid("host:port expected");
  Endpoint endpoint;
  absl::string_view host = text.substr(0, colon);
  if (absl::ConsumePrefix(&host, "[") && !absl::ConsumeSuffix(&host, "]")) {
    return Invalid("'[' without ']'");
  }
  endpoint.host = std::string(host);
  QP_ASSIGN_OR_RETURN(endpoint.port, ParsePort(text.substr(colon + 1)));
  return endpoint;
}

}  // namespace quotaplane::redis
