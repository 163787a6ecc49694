// `quotaplane migrate` of a version to come: brings a database to the schema of this one, and then
// further, by migrations that the tests bring.
//
// Usage: next_schema URL FILE.sql…
#include <cstdio>
#include <deque>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "libs/sql/database.h"
#include "libs/sql/migrate.h"

namespace {

absl::Status Migrate(const char* url, int count, char** files) {
  const auto database = quotaplane::sql::Database::Open({.url = url});
  if (!database.ok()) return database.status();
  const auto known = quotaplane::sql::MigrationsFor((*database)->dialect());
  std::vector<quotaplane::sql::Migration> migrations(known.begin(), known.end());
  std::deque<std::string> texts;  // what migrations have views of
  for (int i = 0; i < count; ++i) {
    std::ifstream file(files[i]);
    const std::string& name = texts.emplace_back(std::filesystem::path(files[i]).stem());
    const std::string& sql =
        texts.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
    migrations.push_back({static_cast<int>(migrations.size()) + 1, name, sql});
  }
  return quotaplane::sql::Migrate(**database, migrations);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const absl::Status status = Migrate(argv[1], argc - 2, argv + 2);
  if (status.ok()) return 0;
  std::fprintf(stderr, "next_schema: %s\n", status.ToString().c_str());
  return 1;
}
