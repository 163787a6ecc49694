#include "tools/client/token_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"

namespace quotaplane::client {
namespace {

using nlohmann::json;

absl::Status Failed(const std::string& path, const std::string& what) {
  return absl::FailedPreconditionError(absl::StrCat(path, ": ", what));
}

// An empty object where there is no file.
absl::StatusOr<json> ReadStore(const std::string& path) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0) {
    if (errno == ENOENT) return json::object();
    return Failed(path, std::strerror(errno));
  }
  if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    return Failed(path, "others may read the tokens in it; chmod 600, and exchange the tokens");
  }
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf())) return Failed(path, std::strerror(errno));
  json store = json::parse(text.str(), nullptr, /*allow_exceptions=*/false);
  if (!store.is_object()) return Failed(path, "is no store of tokens; remove it, and log in again");
  return store;
}

absl::Status WriteStore(const std::string& path, const json& store) {
  std::error_code error;
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  const bool made = std::filesystem::create_directories(folder, error);
  if (error) return Failed(folder, error.message());
  if (made) std::filesystem::permissions(folder, std::filesystem::perms::owner_all, error);
  const std::string text = store.dump(2) + "\n";
  std::string temporary = path + ".XXXXXX";
  const int fd = mkostemp(temporary.data(), O_CLOEXEC);  // 0600
  if (fd < 0) return Failed(path, std::strerror(errno));
  const bool written = write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  const bool kept = fsync(fd) == 0;
  if (close(fd) != 0 || !written || !kept || std::rename(temporary.c_str(), path.c_str()) != 0) {
    const std::string why = std::strerror(errno);
    unlink(temporary.c_str());
    return Failed(path, why);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> TokenStorePath() {
  const char* const config = std::getenv("XDG_CONFIG_HOME");
  if (config != nullptr && *config == '/') return absl::StrCat(config, "/quotaplane/tokens.json");
  const char* const home = std::getenv("HOME");
  if (home != nullptr && *home == '/') {
    return absl::StrCat(home, "/.config/quotaplane/tokens.json");
  }
  return absl::FailedPreconditionError("HOME is not set: there is no place for tokens");
}

absl::StatusOr<std::string> StoredToken(const std::string& server) {
  const absl::StatusOr<std::string> path = TokenStorePath();
  if (!path.ok()) return "";
  QP_ASSIGN_OR_RETURN(const json store, ReadStore(*path));
  const auto found = store.find(server);
  return found != store.end() && found->is_string() ? found->get<std::string>() : "";
}

absl::Status StoreToken(const std::string& server, const std::string& token) {
  QP_ASSIGN_OR_RETURN(const std::string path, TokenStorePath());
  QP_ASSIGN_OR_RETURN(json store, ReadStore(path));
  if (token.empty()) {
    if (store.erase(server) == 0) return absl::OkStatus();
  } else {
    store[server] = token;
  }
  return WriteStore(path, store);
}

}  // namespace quotaplane::client
