// quotaplane: the server.
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>

#include "absl/synchronization/mutex.h"
#include "services/quotaplane/migrate.h"
#include "services/quotaplane/serve.h"

namespace {

// The exit code of wrong use, as quotactl's; 1 stands for anything else that goes wrong.
constexpr int kWrongUse = 2;

constexpr char kServeFooter[] =
    R"(Once it serves, it prints "ready: listening on HOST:PORT" on standard output. It logs to standard error, and
drains on SIGTERM and ^C.

Examples:
  # On a laptop: everything under ./quotaplane-data, nothing limited yet
  quotaplane serve

  # With limits, which hold again a second after the file has changed
  quotaplane serve --policy policy.yaml --data-dir /var/lib/quotaplane

  # One of several replicas, over a Redis and a PostgreSQL of your own. In the environment, passwords are not shown by ps
  export QUOTAPLANE_REDIS=rediss://quotaplane:secret@redis.example:6379
  export QUOTAPLANE_LEDGER=postgres://quotaplane:secret@db.example/quotaplane
  quotaplane serve --policy policy.yaml --listen 0.0.0.0:7411 \
      --auth auth.yaml --tls-cert server.crt --tls-key server.key)";

void AddAccessFlags(CLI::App* serve, quotaplane::ServeOptions* options) {
  serve
      ->add_option("--auth", options->auth,
                   "Who may do what, in YAML (docs/security.md): tokens, certificates, issuers; "
                   "reloaded when it changes. Without it everybody may do everything, and only "
                   "addresses of this machine are listened on")
      ->envname("QUOTAPLANE_AUTH");
  serve
      ->add_option("--tls-cert", options->tls_cert,
                   "Certificate chain of the server, a PEM file; reloaded when it changes")
      ->envname("QUOTAPLANE_TLS_CERT");
  serve->add_option("--tls-key", options->tls_key, "Its private key, a PEM file without a password")
      ->envname("QUOTAPLANE_TLS_KEY");
  serve
      ->add_option("--tls-client-ca", options->tls_client_ca,
                   "Authorities of client certificates, a PEM file: clients are asked for one, and "
                   "need one unless they have a token")
      ->envname("QUOTAPLANE_TLS_CLIENT_CA");
  serve->add_flag("--insecure", options->insecure,
                  "Listens on addresses that others reach also without TLS or --auth");
}

}  // namespace

int main(int argc, char** argv) {
  // Debian builds Abseil with its search for lock cycles on, which takes 1.5 % of the processor.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  // Standard output is for the ready line alone.
  spdlog::set_default_logger(spdlog::stderr_color_mt("quotaplane"));
  spdlog::set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l %v");

  CLI::App app{"Cost and rate-limit control for AI gateways.", "quotaplane"};
  app.require_subcommand(1);
  quotaplane::ServeOptions options;
  CLI::App* serve = app.add_subcommand("serve",
                                       "Answers reserve and commit over gRPC. Without --redis it "
                                       "runs embedded, with a redis-server of its own under the "
                                       "data directory.");
  serve
      ->add_option("--roles", options.roles,
                   "What this process does, with commas: quota answers requests, ledger moves "
                   "charges into the ledger's database and watches over the books, reports "
                   "answers what was spent, admin changes what is in force")
      ->delimiter(',')
      ->check(CLI::IsMember({"quota", "ledger", "reports", "admin"}))
      ->capture_default_str();
  serve
      ->add_option("--data-dir", options.data_dir,
                   "Where the embedded Redis, its ledger and the usage spool live")
      ->capture_default_str();
  serve
      ->add_option("--listen", options.listen,
                   "HOST:PORT to serve gRPC on; port 0 takes a free one")
      ->capture_default_str();
  serve->add_option("--metrics-listen", options.metrics_listen,
                    "HOST:PORT to serve Prometheus metrics on, as GET /metrics; port 0 takes a "
                    "free one; without it 127.0.0.1:7412, if that is free");
  serve->add_option(
      "--policy", options.policy,
      "Policy in YAML (docs/policy.md), reloaded when it changes; without it nothing is limited, "
      "and charges have no cost center");
  serve->add_option("--prices", options.prices,
                    "Price book in YAML (docs/prices.md), reloaded when it changes; without it the "
                    "built-in list prices");
  serve
      ->add_option("--redis", options.redis,
                   "unix://, redis://, rediss://, redis+sentinel:// or redis+cluster:// URL of the "
                   "counter store")
      ->envname("QUOTAPLANE_REDIS");
  serve
      ->add_option("--ledger", options.ledger,
                   "sqlite:/FILE or postgres:// URL of the ledger; embedded, ledger.db under the "
                   "data directory")
      ->envname("QUOTAPLANE_LEDGER");

  AddAccessFlags(serve, &options);
  serve->footer(kServeFooter);

  std::string migrate_url;
  CLI::App* migrate = app.add_subcommand(
      "migrate",
      "Brings a ledger's schema to what this program knows. `serve` does so too, as it "
      "starts; this is for those who want to do it before.");
  migrate->add_option("--ledger", migrate_url, "sqlite:/FILE or postgres:// URL of the ledger")
      ->envname("QUOTAPLANE_LEDGER")
      ->required();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kWrongUse;
  }
  return migrate->parsed() ? quotaplane::MigrateLedger(migrate_url) : quotaplane::Serve(options);
}
