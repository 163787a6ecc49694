#include "tests/bench/hotpath/server.h"

#include <csignal>
#include <fstream>
#include <map>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "libs/base/absl_view.h"
#include "libs/testing/fatal.h"
#include "libs/testing/poll_until.h"

namespace quotaplane::bench {
namespace {

constexpr std::string_view kReady = "ready: listening on ";
// Of Redis 7.0 on 64 bits: one dictEntry and one robj per key, one pointer per slot.
constexpr int64_t kEntryBytes = 24;
constexpr int64_t kObjectBytes = 16;

fixtures::ProcessOptions Command(const fixtures::TempDir& dir, const std::string& program,
                                 const std::string& policy, const std::string& prices) {
  fixtures::ProcessOptions options;
  // Where load matters, the ledger's workers have a machine of their own: here they would share two
  // cores with what is measured.
  options.argv = {program,    "serve",       "--roles",  "quota", "--data-dir", dir.File("data"),
                  "--listen", "127.0.0.1:0", "--policy", policy,  "--prices",   prices};
  options.log_path = dir.File("server.log");
  return options;
}

int64_t NumberOf(std::string_view text) {
  int64_t number = 0;
  if (!absl::SimpleAtoi(AbslView(text), &number)) {
    fixtures::Fatal(absl::StrCat("not a number: ", std::string(text)));
  }
  return number;
}

}  // namespace

Server::Server(const std::string& program, const std::string& policy, const std::string& prices)
    : process_(Command(dir_, program, policy, prices)) {
  const auto ready = [this] {
    const std::string log = process_.LogTail(64 << 10);
    const size_t at = log.find(kReady);
    if (at == std::string::npos) return !process_.running();
    const std::string rest = log.substr(at + kReady.size());
    const size_t end = rest.find('\n');
    if (end == std::string::npos) return false;
    target_ = rest.substr(0, end);
    return true;
  };
  if (!fixtures::PollUntil(absl::Seconds(20), ready) || target_.empty()) {
    fixtures::Fatal(absl::StrCat("the server did not come up:\n", process_.LogTail()));
  }
  redis_ = fixtures::RespClient::ConnectUnix(dir_.File("data/redis/redis.sock"));
  if (!redis_.has_value()) fixtures::Fatal("the embedded Redis does not answer on its socket");
}

Server::~Server() { process_.Stop(SIGTERM); }

double Server::RssMib() const {
  std::ifstream status(absl::StrCat("/proc/", process_.pid(), "/status"));
  for (std::string line; std::getline(status, line);) {
    absl::string_view rest = line;
    if (!absl::ConsumePrefix(&rest, "VmRSS:")) continue;
    absl::ConsumeSuffix(&rest, " kB");
    int64_t kib = 0;
    if (absl::SimpleAtoi(rest, &kib)) return static_cast<double>(kib) / 1024;
  }
  fixtures::Fatal("the server has no VmRSS");
}

fixtures::RespReply Server::Redis(const std::vector<std::string>& command) {
  std::optional<fixtures::RespReply> reply = redis_->Command(command);
  if (!reply.has_value()) fixtures::Fatal(absl::StrCat("Redis did not answer ", command[0]));
  if (reply->is_error()) fixtures::Fatal(absl::StrCat(command[0], ": ", reply->text));
  return *std::move(reply);
}

Server::ScriptStats Server::Scripts() {
  ScriptStats stats;
  const std::string info = Redis({"INFO", "commandstats"}).text;
  for (absl::string_view line : absl::StrSplit(info, absl::ByAnyChar("\r\n"), absl::SkipEmpty())) {
    // cmdstat_evalsha:calls=5,usec=97,usec_per_call=19.40,…
    if (!absl::ConsumePrefix(&line, "cmdstat_evalsha:")) continue;
    std::map<std::string, std::string> fields;
    for (absl::string_view field : absl::StrSplit(line, ',')) {
      fields.insert(absl::StrSplit(field, absl::MaxSplits('=', 1)));
    }
    stats.calls = NumberOf(fields["calls"]);
    stats.usec = NumberOf(fields["usec"]);
  }
  return stats;
}

Server::Memory Server::RedisMemory() {
  Memory memory;
  memory.used = NumberOf(fixtures::InfoField(Redis({"INFO", "memory"}).text, "used_memory"));
  const fixtures::RespReply stats = Redis({"MEMORY", "STATS"});
  for (size_t i = 0; i + 1 < stats.elements.size(); i += 2) {
    if (stats.elements[i].text == "keys.count") memory.keys = stats.elements[i + 1].integer;
  }
  for (size_t i = 0; i + 1 < stats.elements.size(); i += 2) {
    if (stats.elements[i].text != "db.0") continue;
    const std::vector<fixtures::RespReply>& tables = stats.elements[i + 1].elements;
    for (size_t j = 0; j + 1 < tables.size(); j += 2) memory.slots += tables[j + 1].integer;
  }
  // db0:keys=40001,expires=20000,avg_ttl=…
  const std::string keyspace = fixtures::InfoField(Redis({"INFO", "keyspace"}).text, "db0");
  for (absl::string_view field : absl::StrSplit(keyspace, ',')) {
    if (absl::ConsumePrefix(&field, "expires="))
      memory.expires = NumberOf({field.data(), field.size()});
  }
  memory.slots -= memory.keys * (kEntryBytes + kObjectBytes) + memory.expires * kEntryBytes;
  return memory;
}

}  // namespace quotaplane::bench
