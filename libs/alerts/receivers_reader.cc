#include "libs/alerts/receivers_reader.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "libs/base/absl_view.h"
#include "libs/base/status_macros.h"
#include "libs/config/yaml_reader.h"
#include "libs/http/smtp.h"
#include "libs/policy/subject.h"

namespace quotaplane {
namespace {

constexpr size_t kMinWebhookSecretBytes = 16;
constexpr size_t kMaxUrlBytes = 2048;

bool IsPlain(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) > 0x20 && c != 0x7f; });
}

// "host", "host:port" or "[::1]:port" after the scheme; empty: it is none.
std::string_view AuthorityOf(std::string_view url, std::string_view scheme) {
  if (!url.starts_with(scheme) || url.size() > kMaxUrlBytes || !IsPlain(url)) return {};
  url.remove_prefix(scheme.size());
  const std::string_view authority = url.substr(0, url.find_first_of("/?#"));
  return authority.find('@') == authority.npos ? authority : std::string_view();
}

bool IsHttpUrl(std::string_view url) {
  return !AuthorityOf(url, "https://").empty() || !AuthorityOf(url, "http://").empty();
}

bool IsThisMachine(std::string_view authority) {
  return authority == "localhost" || authority.starts_with("localhost:") ||
         authority == "127.0.0.1" || authority.starts_with("127.0.0.1:") ||
         authority.starts_with("[::1]");
}

class Reader {
 public:
  explicit Reader(std::string path) : path_(std::move(path)) {}

  std::vector<Receiver> ReadReceivers(const YamlNode& map) {
    std::vector<Receiver> receivers;
    if (!map.ExpectMap()) return receivers;
    if (map.size() > kMaxReceivers) {
      map.Report(absl::StrCat("has ", map.size(), " receivers; at most ", kMaxReceivers));
      return receivers;
    }
    for (const YamlNode node : map) {
      Receiver receiver;
      receiver.name = std::string(node.key());
      if (!IsName(receiver.name)) node.Report("must be named [a-z0-9][a-z0-9_-]{0,62}");
      names_.insert(receiver.name);
      if (ReadReceiver(node, &receiver)) receivers.push_back(std::move(receiver));
    }
    return receivers;
  }

  std::vector<Route> ReadRoutes(const YamlNode& list) {
    std::vector<Route> routes;
    if (!list.ExpectList()) return routes;
    if (list.size() > kMaxRoutes) {
      list.Report(absl::StrCat("has ", list.size(), " routes; at most ", kMaxRoutes));
      return routes;
    }
    for (const YamlNode node : list) {
      if (!node.ExpectMap()) continue;
      node.ExpectKeys({"orgs", "kinds", "severities", "receivers"});
      Route& route = routes.emplace_back();
      if (const auto orgs = node.Find("orgs")) route.orgs = ReadGlobs(*orgs);
      if (const auto kinds = node.Find("kinds")) route.kinds = ReadGlobs(*kinds);
      if (const auto severities = node.Find("severities"); severities && Fits(*severities)) {
        for (const YamlNode one : *severities) {
          const auto severity = one.OneOf({"info", "warning", "critical"});
          if (severity) route.severities.push_back(static_cast<Severity>(*severity));
        }
      }
      const auto receivers = node.Require("receivers", "name some, or write [] for nobody");
      if (receivers) route.receivers = ReadNames(*receivers);
    }
    return routes;
  }

  // Names of receivers that there are.
  std::vector<std::string> ReadNames(const YamlNode& list) {
    std::vector<std::string> names;
    if (!Fits(list)) return names;
    for (const YamlNode one : list) {
      const auto name = one.String();
      if (!name) continue;
      if (!names_.contains(std::string(*name))) {
        one.Report(absl::StrCat("there is no receiver ", QuoteForMessage(*name)));
      }
      names.emplace_back(*name);
    }
    return names;
  }

 private:
  static bool IsName(std::string_view name) {
    const auto is_word = [](char c) {
      return absl::ascii_islower(static_cast<unsigned char>(c)) ||
             absl::ascii_isdigit(static_cast<unsigned char>(c));
    };
    return !name.empty() && name.size() <= 63 && is_word(name[0]) &&
           std::all_of(name.begin(), name.end(),
                       [&](char c) { return is_word(c) || c == '-' || c == '_'; });
  }

  static bool Fits(const YamlNode& list) {
    if (!list.ExpectList()) return false;
    if (list.size() <= kMaxRouteGlobs) return true;
    list.Report(absl::StrCat("has ", list.size(), " entries; at most ", kMaxRouteGlobs));
    return false;
  }

  static std::vector<Glob> ReadGlobs(const YamlNode& list) {
    std::vector<Glob> globs;
    if (!Fits(list)) return globs;
    // Nothing at all would be as if it had not been written.
    if (list.size() == 0) list.Report("is empty: it matches nothing");
    for (const YamlNode one : list) {
      const auto text = one.String();
      if (!text) continue;
      // "" is the deployment's own.
      const absl::Status status = text->empty() ? absl::OkStatus() : CheckValue(*text);
      if (!status.ok()) one.Report(std::string(status.message()));
      globs.emplace_back(std::string(*text));
    }
    return globs;
  }

  bool ReadReceiver(const YamlNode& node, Receiver* receiver) {
    if (!node.ExpectMap()) return false;
    const auto kind = node.Require("kind", "write alertmanager, webhook, slack or email");
    const auto which =
        kind ? kind->OneOf({"alertmanager", "webhook", "slack", "email"}) : std::nullopt;
    if (!which) return false;
    switch (*which) {
      case 0:
        receiver->how = ReadAlertmanager(node);
        break;
      case 1:
        receiver->how = ReadWebhook(node);
        break;
      case 2:
        receiver->how = ReadSlack(node);
        break;
      default:
        receiver->how = ReadEmail(node);
    }
    return true;
  }

  AlertmanagerReceiver ReadAlertmanager(const YamlNode& node) {
    node.ExpectKeys({"kind", "url", "token_file", "ca_file"});
    AlertmanagerReceiver to;
    to.url = ReadUrl(node);
    if (const auto file = node.Find("token_file")) to.token = ReadSecret(*file);
    to.ca_file = ReadCaFile(node, to.url.starts_with("https://"));
    return to;
  }

  WebhookReceiver ReadWebhook(const YamlNode& node) {
    node.ExpectKeys({"kind", "url", "secret_file", "ca_file"});
    WebhookReceiver to;
    to.url = ReadUrl(node);
    const auto file = node.Require("secret_file", "messages are signed with what it holds");
    if (file) {
      to.secret = ReadSecret(*file);
      if (!to.secret.empty() && to.secret.size() < kMinWebhookSecretBytes) {
        file->Report(
            absl::StrCat("holds a secret of fewer than ", kMinWebhookSecretBytes, " bytes"));
      }
    }
    to.ca_file = ReadCaFile(node, to.url.starts_with("https://"));
    return to;
  }

  SlackReceiver ReadSlack(const YamlNode& node) {
    node.ExpectKeys({"kind", "url_file", "ca_file"});
    SlackReceiver to;
    const auto file = node.Require("url_file", "whoever knows the URL can write to the channel");
    if (file) {
      to.url = ReadSecret(*file);
      if (!to.url.empty() && !IsHttpUrl(to.url)) {
        file->Report("does not hold an https:// or http:// URL without a user");
      }
    }
    to.ca_file = ReadCaFile(node, to.url.starts_with("https://"));
    return to;
  }

  EmailReceiver ReadEmail(const YamlNode& node) {
    node.ExpectKeys(
        {"kind", "server", "starttls", "user", "password_file", "ca_file", "from", "to"});
    EmailReceiver to;
    std::string_view authority;
    if (const auto server = node.Require("server", "write smtp://HOST:PORT")) {
      to.server = std::string(server->String().value_or(""));
      authority = AuthorityOf(to.server, "smtp://");
      const bool tls = authority.empty();
      if (tls) authority = AuthorityOf(to.server, "smtps://");
      if (authority.empty() || !to.server.ends_with(authority)) {
        server->Report("must be smtp://HOST:PORT or smtps://HOST:PORT");
      }
    }
    if (const auto start = node.Find("starttls")) {
      const auto choice = start->OneOf({"required", "if-offered", "off"});
      if (choice) to.start_tls = static_cast<EmailReceiver::StartTls>(*choice);
    }
    ReadLogIn(node, IsThisMachine(authority), &to);
    to.ca_file = ReadCaFile(node, true);
    if (const auto from = node.Require("from", "write an address")) to.from = ReadAddress(*from);
    const auto list = node.Require("to", "write a list of addresses");
    if (list && list->ExpectList()) {
      if (list->size() == 0 || list->size() > kMaxEmailAddresses) {
        list->Report(absl::StrCat("must have 1 to ", kMaxEmailAddresses, " addresses"));
        return to;
      }
      for (const YamlNode one : *list) to.to.push_back(ReadAddress(one));
    }
    return to;
  }

  void ReadLogIn(const YamlNode& node, bool this_machine, EmailReceiver* to) {
    const auto user = node.Find("user");
    const auto password = node.Find("password_file");
    if (user.has_value() != password.has_value()) {
      node.Report("must have both `user` and `password_file`, or neither");
    }
    if (!user || !password) return;
    const auto name = user->String();
    if (name && (name->empty() || !IsPlain(*name))) user->Report("must have no blanks");
    to->user = std::string(name.value_or(""));
    to->password = ReadSecret(*password);
    if (to->start_tls != EmailReceiver::StartTls::kRequired && to->server.starts_with("smtp://") &&
        !this_machine) {
      user->Report("needs `starttls: required`: the password would be readable on the way");
    }
  }

  std::string ReadAddress(const YamlNode& node) {
    const auto text = node.String();
    if (!text) return "";
    if (!IsEmailAddress(*text)) {
      node.Report(absl::StrCat("must be an address such as name@example.com, not ",
                               QuoteForMessage(*text)));
    }
    return std::string(*text);
  }

  std::string ReadUrl(const YamlNode& holder) {
    const auto node = holder.Require("url", "write an https:// or http:// URL");
    const auto text = node ? node->String() : std::nullopt;
    if (!text) return "";
    if (!IsHttpUrl(*text)) {
      node->Report("must be an https:// or http:// URL without a user or a password");
    }
    return std::string(*text);
  }

  std::string ReadCaFile(const YamlNode& holder, bool tls) {
    const auto node = holder.Find("ca_file");
    const auto text = node ? node->String() : std::nullopt;
    if (!text) return "";
    if (!tls) node->Report("is for https://, where it vouches for the server");
    std::string path = Beside(*text);
    if (const auto content = ReadConfigFile(path); !content.ok()) {
      node->Report(std::string(content.status().message()));
    }
    return path;
  }

  // The file's content without the line's end.
  std::string ReadSecret(const YamlNode& node) {
    const auto name = node.String();
    if (!name) return "";
    const absl::StatusOr<std::string> content = ReadConfigFile(Beside(*name));
    if (!content.ok()) {
      node.Report(std::string(content.status().message()));
      return "";
    }
    std::string secret = *content;
    while (secret.ends_with('\n') || secret.ends_with('\r')) secret.pop_back();
    if (secret.empty() || secret.size() > kMaxSecretBytes || !IsPlain(secret)) {
      node.Report(
          absl::StrCat("must hold one line of 1 to ", kMaxSecretBytes, " bytes without blanks"));
      return "";
    }
    return secret;
  }

  std::string Beside(std::string_view name) const {
    const size_t slash = path_.rfind('/');
    if (name.starts_with('/') || slash == path_.npos) return std::string(name);
    return path_.substr(0, slash + 1).append(name);
  }

  const std::string path_;
  std::set<std::string> names_;
};

}  // namespace

absl::StatusOr<std::shared_ptr<const Receivers>> LoadReceiversFile(const std::string& path) {
  QP_ASSIGN_OR_RETURN(const std::string text, ReadConfigFile(path));
  QP_ASSIGN_OR_RETURN(const std::unique_ptr<YamlDocument> document,
                      YamlDocument::Parse(text, path));
  Reader reader(path);
  std::vector<Receiver> receivers;
  std::vector<Route> routes;
  std::vector<std::string> default_receivers;
  const YamlNode root = document->root();
  if (root.ExpectMap()) {
    root.ExpectKeys({"receivers", "routes", "default"});
    const auto all = root.Require("receivers", "write NAME: {kind: …}");
    if (all) receivers = reader.ReadReceivers(*all);
    if (const auto list = root.Find("routes")) routes = reader.ReadRoutes(*list);
    const auto rest =
        root.Require("default", "say who is told of what no route matches; [] nobody");
    if (rest) default_receivers = reader.ReadNames(*rest);
  }
  QP_RETURN_IF_ERROR(document->status());
  return std::make_shared<const Receivers>(std::move(receivers), std::move(routes),
                                           std::move(default_receivers));
}

}  // namespace quotaplane
