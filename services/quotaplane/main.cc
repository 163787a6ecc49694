// quotaplane: the server.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdlib>

#include "absl/synchronization/mutex.h"
#include "libs/log/log.h"
#include "libs/rpc/library_log.h"
#include "services/quotaplane/migrate.h"
#include "services/quotaplane/serve.h"

namespace {

// The exit code of wrong use, as quotactl's; 1 stands for anything else that goes wrong.
constexpr int kWrongUse = 2;

constexpr char kServeFooter[] =
    R"(Once it serves, it prints "ready: listening on HOST:PORT" on standard output. It logs to standard error
(docs/logs.md), and drains on SIGTERM and ^C.

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

// To standard error: standard output is for the ready line alone. Text is for terminals.
void StartLog(const std::string& level) {
  const bool terminal = isatty(STDERR_FILENO) != 0;
  quotaplane::LogOptions options;
  options.json = !terminal;
  options.colour = terminal && std::getenv("NO_COLOR") == nullptr;
  options.level = *quotaplane::ParseLogLevel(level);
  options.file = STDERR_FILENO;
  quotaplane::StartLog(options);
}

void AddTelemetryFlags(CLI::App* serve, quotaplane::ServeOptions* options) {
  serve
      ->add_option("--otlp-endpoint", options->otlp_endpoint,
                   "http://HOST:PORT or https://HOST:PORT of an OpenTelemetry collector's gRPC "
                   "receiver: traces and metrics go there (docs/tracing.md)")
      ->envname("OTEL_EXPORTER_OTLP_ENDPOINT");
  serve
      ->add_option("--trace-share", options->trace_share,
                   "Of calls that come without a trace, the share that is traced, 0 to 1; those "
                   "with one are traced as their caller decided")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str()
      ->envname("OTEL_TRACES_SAMPLER_ARG");
  serve
      ->add_option("--otlp-ca", options->otlp_ca,
                   "With https: the authorities of the collector, a PEM file")
      ->envname("OTEL_EXPORTER_OTLP_CERTIFICATE");
  serve
      ->add_option(
          "--otlp-headers", options->otlp_headers,
          "KEY=VALUE,KEY=VALUE sent with each call to it; in the environment, where ps does "
          "not show them")
      ->envname("OTEL_EXPORTER_OTLP_HEADERS");
  serve
      ->add_option("--otlp-resource", options->otlp_resource,
                   "KEY=VALUE,KEY=VALUE that say which process this is")
      ->envname("OTEL_RESOURCE_ATTRIBUTES");
}

}  // namespace

int main(int argc, char** argv) {
  // Debian builds Abseil with its search for lock cycles on, which takes 1.5 % of the processor.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
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
                   "answers what was spent, admin changes what is in force, alerts tells people "
                   "what is wrong")
      ->delimiter(',')
      ->check(CLI::IsMember({"quota", "ledger", "reports", "admin", "alerts"}))
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
                    "HOST:PORT to serve Prometheus metrics on, as GET /metrics, with /healthz and "
                    "/readyz beside them; port 0 takes a free one; without it 127.0.0.1:7412, if "
                    "that is free");
  serve->add_option(
      "--policy", options.policy,
      "Policy in YAML (docs/policy.md), reloaded when it changes; without it nothing is limited, "
      "and charges have no cost center");
  serve->add_option("--prices", options.prices,
                    "Price book in YAML (docs/prices.md), reloaded when it changes; without it the "
                    "built-in list prices");
  serve->add_option("--receivers", options.receivers,
                    "Who is told of alerts, in YAML (docs/alerts.md), reloaded when it changes; "
                    "without it alerts are kept and listed");
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
  std::string log_level = "info";
  serve
      ->add_option("--log-level", log_level,
                   "What is logged: debug (each call), info, warning, error or critical; "
                   "`quotactl log level` changes it while servers run")
      ->envname("QUOTAPLANE_LOG_LEVEL")
      ->check(CLI::IsMember(quotaplane::kLogLevelNames))
      ->capture_default_str();
  AddTelemetryFlags(serve, &options);
  serve->footer(kServeFooter);

  quotaplane::MigrateOptions migrate_options;
  CLI::App* migrate = app.add_subcommand(
      "migrate",
      "Brings a ledger's schema to what this program knows. `serve` does so too, as it "
      "starts; this is for those who want to do it before.");
  migrate
      ->add_option("--ledger", migrate_options.ledger,
                   "sqlite:/FILE or postgres:// URL of the ledger")
      ->envname("QUOTAPLANE_LEDGER")
      ->required();
  migrate->add_flag("--dry-run", migrate_options.dry_run,
                    "Says what would be applied, and which older programs would work with it; "
                    "applies nothing");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kWrongUse;
  }
  StartLog(log_level);
  quotaplane::LogWhatLibrariesSay();
  return migrate->parsed() ? quotaplane::MigrateLedger(migrate_options)
                           : quotaplane::Serve(options);
}
