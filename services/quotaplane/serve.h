// `quotaplane serve`: the whole object graph.
#pragma once

#include <string>
#include <vector>

namespace quotaplane {

inline constexpr char kDefaultMetricsListen[] = "127.0.0.1:7412";

struct ServeOptions {
  // What this process does: quota answers requests, ledger moves charges into the database, reports
  // answers what was spent, alerts tells what is wrong. One process does it all, or many share it
  // over one Redis and one ledger; one that has only reports needs no Redis.
  std::vector<std::string> roles = {"quota", "ledger", "reports", "admin", "alerts"};
  std::string data_dir = "quotaplane-data";
  std::string listen = "127.0.0.1:7411";
  // Where Prometheus scrapes. Empty: kDefaultMetricsListen, if that is free.
  std::string metrics_listen;
  std::string policy;  // empty: no limits, no cost centers
  std::string prices;  // empty: the built-in price book
  std::string redis;   // empty: embedded
  // Where charges go, and reports come from: a URL (libs/sql/database.h). Empty: a SQLite file
  // under the data directory if Redis is embedded, otherwise nowhere: another process moves charges
  // out of the outbox, and there are no reports.
  std::string ledger;
  // Who is told of alerts (libs/alerts/receivers_reader.h). Empty: nobody, alerts are kept.
  std::string receivers;
  // Who is calling (libs/config/auth_reader.h). Empty: nobody is asked, and everybody may do
  // everything.
  std::string auth;
  // PEM files; empty: plain connections.
  std::string tls_cert;
  std::string tls_key;
  std::string tls_client_ca;  // client certificates are asked for
  // Where traces and metrics are sent over OTLP/gRPC (services/otlp/otlp_options.h). Empty:
  // nowhere.
  std::string otlp_endpoint;
  std::string otlp_headers;   // "k=v,…", secret
  std::string otlp_resource;  // the same, of attributes
  std::string otlp_ca;        // a PEM file; empty: the system's authorities
  // Of calls that come without a trace, 0 to 1: those that are traced.
  double trace_share = 0;
  // Listens where others can reach it, although they may listen in, or do everything.
  bool insecure = false;
};

// Serves until SIGTERM or SIGINT, then drains. Gives the process's exit code.
int Serve(const ServeOptions& options);

}  // namespace quotaplane
