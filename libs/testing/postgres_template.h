// A cluster as initdb makes it, kept in the build tree: initdb takes seconds, a copy of its work a
// twentieth of one.
#pragma once

#include <string>
#include <vector>

namespace quotaplane::fixtures {

// Where the programs of PostgreSQL 15 are; Debian keeps them out of PATH. Aborts where they are
// not.
std::string PostgresProgram(const std::string& name);

// `argv`, run as the user that PostgreSQL may run as: the user `postgres` where we are root,
// unchanged elsewhere. The kernel kills it with us either way.
std::vector<std::string> AsPostgresUser(std::vector<std::string> argv);

// Gives `path` to that user.
void GiveToPostgresUser(const std::string& path);

// Makes a fresh cluster at `data_dir`, which does not exist yet; its superuser is `postgres`.
// Processes may do so at the same time.
void MakeCluster(const std::string& data_dir);

}  // namespace quotaplane::fixtures
