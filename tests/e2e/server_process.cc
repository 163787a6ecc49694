#include "tests/e2e/server_process.h"

#include <csignal>
#include <cstdio>
#include <fstream>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "libs/testing/fatal.h"
#include "libs/testing/poll_until.h"

namespace quotaplane::fixtures {
namespace {

constexpr absl::Duration kStartTimeout = absl::Seconds(40);

void Replace(const std::string& path, const std::string& content) {
  const std::string fresh = path + ".new";
  std::ofstream out(fresh, std::ios::trunc);
  out << content;
  out.close();
  if (!out || std::rename(fresh.c_str(), path.c_str()) != 0) FatalErrno("cannot write " + path);
}

}  // namespace

const char kTestPrices[] = R"(version: "test"
models:
  - {model: tester, from: 2020-01-01, usd_per_million: {input: 3, output: 15}}
  - {model: tester-2, from: 2020-01-01, usd_per_million: {input: 3, output: 15}}
  - {model: free, from: 2020-01-01, usd_per_million: {input: 0, output: 0}}
)";

ServerProcess::ServerProcess(ServerProcessOptions options)
    : options_(std::move(options)),
      data_dir_(options_.data_dir.empty() ? dir_.File("data") : options_.data_dir),
      address_(absl::StrCat("127.0.0.1:", port_.port())) {
  if (!options_.policy.empty()) WritePolicy(options_.policy);
  WritePrices(options_.prices);
  Start();
}

std::vector<std::string> ServerProcess::Argv(const std::string& address) const {
  std::vector<std::string> argv;
  if (options_.ignore_file_size_signal) {
    argv = {"/bin/sh", "-c", "trap '' XFSZ; exec \"$@\"", "sh"};
  }
  argv.insert(argv.end(), {QUOTAPLANE_PROGRAM, "serve", "--listen", address, "--data-dir",
                           data_dir_, "--prices", dir_.File("prices.yaml"),
                           // The default address is there once.
                           "--metrics-listen", "127.0.0.1:0"});
  if (!options_.policy.empty()) argv.insert(argv.end(), {"--policy", policy_path()});
  argv.insert(argv.end(), {"--roles", options_.roles});
  if (!options_.ledger.empty()) argv.insert(argv.end(), {"--ledger", options_.ledger});
  if (!options_.redis.empty()) argv.insert(argv.end(), {"--redis", options_.redis});
  return argv;
}

ProcessOptions ServerProcess::Rival(const std::string& log_path) const {
  return {.argv = Argv("127.0.0.1:0"), .env = options_.env, .log_path = log_path};
}

void ServerProcess::Start() {
  const size_t printed = Log().size();
  process_ = std::make_unique<ChildProcess>(ProcessOptions{
      .argv = Argv(address_), .env = options_.env, .log_path = dir_.File("server.log")});
  const std::string ready = absl::StrContains(options_.roles, "quota")
                                ? absl::StrCat("ready: listening on ", address_, "\n")
                                : "ready: ";
  bool is_ready = false;
  PollUntil(kStartTimeout, [&] {
    is_ready = absl::StrContains(Log().substr(printed), ready);
    return is_ready || !process_->running();
  });
  if (!is_ready) Fatal("the server does not start; its log:\n" + Log());
}

void ServerProcess::Kill() { process_->Stop(SIGKILL); }

void ServerProcess::WritePolicy(const std::string& yaml) const { Replace(policy_path(), yaml); }

void ServerProcess::WritePrices(const std::string& yaml) const {
  Replace(dir_.File("prices.yaml"), yaml);
}

std::string ServerProcess::Log() const {
  std::ifstream in(dir_.File("server.log"));
  std::stringstream content;
  content << in.rdbuf();
  return content.str();
}

}  // namespace quotaplane::fixtures
