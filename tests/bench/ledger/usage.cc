#include "tests/bench/ledger/usage.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "libs/testing/fatal.h"

namespace quotaplane::bench {
namespace {

std::string Contents(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// What follows the name in /proc/PID/stat, which may hold anything itself: [0] state, [1] parent,
// [11] and [12] ticks in user and system mode.
std::vector<std::string> StatOf(const std::string& pid) {
  const std::string text = Contents(absl::StrCat("/proc/", pid, "/stat"));
  const size_t name_end = text.rfind(") ");
  if (name_end == std::string::npos) return {};
  return absl::StrSplit(text.substr(name_end + 2), ' ');
}

double SecondsOf(const std::vector<std::string>& stat) {
  int64_t user = 0;
  int64_t system = 0;
  if (stat.size() < 13 || !absl::SimpleAtoi(stat[11], &user) ||
      !absl::SimpleAtoi(stat[12], &system)) {
    return 0;
  }
  return static_cast<double>(user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

}  // namespace

double PeakRssMib(pid_t pid) {
  const std::string status = Contents(absl::StrCat("/proc/", pid, "/status"));
  for (absl::string_view line : absl::StrSplit(status, '\n')) {
    if (!absl::ConsumePrefix(&line, "VmHWM:")) continue;
    absl::ConsumeSuffix(&line, " kB");
    int64_t kib = 0;
    if (absl::SimpleAtoi(line, &kib)) return static_cast<double>(kib) / 1024;
  }
  fixtures::Fatal(absl::StrCat("process ", pid, " has no VmHWM"));
}

double CpuSeconds(pid_t pid) { return SecondsOf(StatOf(absl::StrCat(pid))); }

void ChildrenCpu::Look() {
  const std::string parent = absl::StrCat(parent_);
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    pid_t pid = 0;
    if (!absl::SimpleAtoi(entry.path().filename().string(), &pid)) continue;
    const std::vector<std::string> stat = StatOf(absl::StrCat(pid));
    if (stat.size() >= 13 && stat[1] == parent) seconds_[pid] = SecondsOf(stat);
  }
}

double ChildrenCpu::seconds() const {
  double sum = 0;
  for (const auto& [pid, seconds] : seconds_) sum += seconds;
  return sum;
}

std::string LoadAverage() {
  const std::vector<std::string> fields = absl::StrSplit(Contents("/proc/loadavg"), ' ');
  return fields.size() < 3 ? "" : absl::StrCat(fields[0], " ", fields[1], " ", fields[2]);
}

}  // namespace quotaplane::bench
