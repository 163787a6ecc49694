#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tools/quotactl/commands.h"
#include "tools/quotactl/token_text.h"

namespace quotaplane::quotactl {
namespace {

// A new file of the user's alone.
absl::Status WriteSecret(const std::string& path, const std::string& text) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) {
    return absl::FailedPreconditionError(absl::StrCat(path, ": ", std::strerror(errno)));
  }
  const bool written = write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  if (close(fd) != 0 || !written) {
    return absl::FailedPreconditionError(absl::StrCat(path, ": cannot be written"));
  }
  return absl::OkStatus();
}

int MakeAndPrint(const Globals& globals, const TokenArgs& args, const std::string& out) {
  const absl::StatusOr<NewTokenText> made = MakeToken(args, absl::Now());
  if (!made.ok()) return ReportError(globals, made.status());
  if (!out.empty()) {
    const absl::Status written = WriteSecret(out, made->token + "\n");
    if (!written.ok()) return ReportError(globals, written);
  }
  if (globals.json) {
    nlohmann::ordered_json json = {{"yaml", made->yaml}};
    if (out.empty()) json["token"] = made->token;
    std::printf("%s\n", json.dump(2).c_str());
    return client::kDone;
  }
  // With the token elsewhere, standard output is for the auth file alone.
  if (out.empty()) {
    std::printf("The token, which is shown this once:\n\n  %s\n\n", made->token.c_str());
    std::printf("For the server's auth file, under `tokens:`\n\n");
  } else {
    std::fprintf(stderr, "The token is in %s; for the auth file, under `tokens:`\n", out.c_str());
  }
  std::fputs(made->yaml.c_str(), stdout);
  return client::kDone;
}

}  // namespace

void AddToken(CLI::App& app, const Globals& globals, Work* work) {
  CLI::App* token = app.add_subcommand("token", "Tokens for callers of a server");
  token->require_subcommand(1);
  CLI::App* command = token->add_subcommand(
      "new", "Makes a token, and the lines by which a server knows it. Calls no server");
  const auto args = std::make_shared<TokenArgs>();
  const auto out = std::make_shared<std::string>();
  command->add_option("--name", args->name, "Whose it is; audit rows show it")->required();
  command
      ->add_option("--role", args->roles,
                   "gateway, viewer, finance, admin, approver or auditor; may be given again")
      ->required();
  command->add_option("--org", args->orgs, "For which org, or \"*\"; may be given again")
      ->required();
  command->add_option("--expires", args->expires, "2027-01-01, 2027-01-01T12:00:00Z, or 90d")
      ->required();
  command->add_option("--token-out", *out,
                      "Write the token into this new file, in place of showing it");
  command->footer(
      R"(The server keeps a hash, from which nobody can tell the token.

Examples:
  quotactl token new --name ci-gateway --role gateway --org acme --expires 90d
  quotactl token new --name root --role admin --role auditor --org '*' --expires 30d \
      --token-out root.token >> auth.yaml)");
  command->callback(
      [=, &globals] { *work = [=, &globals] { return MakeAndPrint(globals, *args, *out); }; });
}

}  // namespace quotaplane::quotactl
