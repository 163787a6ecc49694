// `quotaplane serve`: the whole object graph.
#pragma once

#include <string>

namespace quotaplane {

struct ServeOptions {
  std::string data_dir = "quotaplane-data";
  std::string listen = "127.0.0.1:7411";
  std::string policy;  // empty: no limits
  std::string prices;  // empty: the built-in price book
  std::string redis;   // empty: embedded
  // Where charges go: a URL (libs/sql/database.h). Empty: a SQLite file under the data directory if
  // Redis is embedded, otherwise nowhere: another process moves them out of the outbox.
  std::string ledger;
};

// Serves until SIGTERM or SIGINT, then drains. Gives the process's exit code.
int Serve(const ServeOptions& options);

}  // namespace quotaplane
