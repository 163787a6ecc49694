// quotaplane: the server.
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>

#include "absl/synchronization/mutex.h"
#include "services/quotaplane/migrate.h"
#include "services/quotaplane/serve.h"

int main(int argc, char** argv) {
  // Debian builds Abseil with its search for lock cycles on, which takes 1.5 % of the processor.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  // Standard output is for the ready line alone.
  spdlog::set_default_logger(spdlog::stderr_color_mt("quotaplane"));
  spdlog::set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l %v");

  CLI::App app{"Cost and rate-limit control for AI gateways."};
  app.require_subcommand(1);
  quotaplane::ServeOptions options;
  CLI::App* serve = app.add_subcommand("serve",
                                       "Answers reserve and commit over gRPC. Without --redis it "
                                       "runs embedded, with a redis-server of its own under the "
                                       "data directory.");
  serve
      ->add_option("--roles", options.roles,
                   "What this process does, with commas: quota answers requests, ledger moves "
                   "charges into the ledger's database, reports answers what was spent")
      ->delimiter(',')
      ->check(CLI::IsMember({"quota", "ledger", "reports"}))
      ->capture_default_str();
  serve
      ->add_option("--data-dir", options.data_dir,
                   "Where the embedded Redis and the usage spool live")
      ->capture_default_str();
  serve
      ->add_option("--listen", options.listen,
                   "HOST:PORT to serve gRPC on; port 0 takes a free one")
      ->capture_default_str();
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

  std::string migrate_url;
  CLI::App* migrate = app.add_subcommand(
      "migrate",
      "Brings a ledger's schema to what this program knows. `serve` does so too, as it "
      "starts; this is for those who want to do it before.");
  migrate->add_option("--ledger", migrate_url, "sqlite:/FILE or postgres:// URL of the ledger")
      ->envname("QUOTAPLANE_LEDGER")
      ->required();
  CLI11_PARSE(app, argc, argv);
  return migrate->parsed() ? quotaplane::MigrateLedger(migrate_url) : quotaplane::Serve(options);
}
