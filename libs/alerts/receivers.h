// Who is told of alerts, and how: the receivers file, read (receivers_reader.h).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "libs/alerts/signal.h"
#include "libs/policy/policy.h"

namespace quotaplane {

// Secrets are the contents of files as they were when the receivers were loaded.

struct AlertmanagerReceiver {
  std::string url;      // of its root: "/api/v2/alerts" is added
  std::string token;    // sent as a bearer's; empty: none
  std::string ca_file;  // of https://; empty: the system's
};

struct WebhookReceiver {
  std::string url;
  std::string secret;  // signs each message (signature.h)
  std::string ca_file;
};

struct SlackReceiver {
  std::string url;  // which is a secret too
  std::string ca_file;
};

struct EmailReceiver {
  enum class StartTls { kRequired, kIfOffered, kOff };
  std::string server;                        // smtp://host:port, or smtps://host:port
  StartTls start_tls = StartTls::kRequired;  // of smtp://
  std::string user;                          // empty: no log-in
  std::string password;
  std::string ca_file;
  std::string from;             // an address
  std::vector<std::string> to;  // likewise, 1 to kMaxEmailAddresses
};

inline constexpr size_t kMaxReceivers = 100;
inline constexpr size_t kMaxRoutes = 1'000;
inline constexpr size_t kMaxRouteGlobs = 100;
inline constexpr size_t kMaxEmailAddresses = 50;

struct Receiver {
  std::string name;  // [a-z0-9][a-z0-9_-]{0,62}
  std::variant<AlertmanagerReceiver, WebhookReceiver, SlackReceiver, EmailReceiver> how;

  // "alertmanager", "webhook", "slack", "email".
  std::string_view kind() const;
  // It keeps alerts by itself, and is sent their present state.
  bool synced() const { return std::holds_alternative<AlertmanagerReceiver>(how); }
};

// All parts that are given must match; a part without globs matches everything.
struct Route {
  std::vector<Glob> orgs;  // the deployment's own alerts have the org ""
  std::vector<Glob> kinds;
  std::vector<Severity> severities;
  std::vector<std::string> receivers;  // may be empty: nobody is told
};

// Immutable.
class Receivers {
 public:
  Receivers() = default;
  // Names are unique, and routes name receivers that there are.
  Receivers(std::vector<Receiver> receivers, std::vector<Route> routes,
            std::vector<std::string> default_receivers);

  const std::vector<Receiver>& all() const { return receivers_; }
  const Receiver* Find(std::string_view name) const;
  // Those that the signal names and that there are; where that is none: those of the first route
  // that matches, or else the default ones. Each once.
  std::vector<const Receiver*> For(const Signal& signal) const;

 private:
  std::vector<Receiver> receivers_;
  std::vector<Route> routes_;
  std::vector<std::string> default_receivers_;
};

}  // namespace quotaplane
