#include "tests/bench/program.h"

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "libs/testing/fatal.h"
#include "libs/testing/poll_until.h"

namespace quotaplane::bench {
namespace {

constexpr char kReady[] = "ready: ";
constexpr char kListening[] = "listening on ";

fixtures::ProcessOptions Command(const fixtures::TempDir& dir, const std::string& path,
                                 const std::vector<std::string>& options) {
  fixtures::ProcessOptions command;
  command.argv = {path,       "serve",       "--data-dir",       dir.File("data"),
                  "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"};
  command.argv.insert(command.argv.end(), options.begin(), options.end());
  command.log_path = dir.File("log");
  return command;
}

}  // namespace

Program::Program(const std::string& path, const std::vector<std::string>& options)
    : process_(Command(dir_, path, options)) {
  std::string line;
  const bool done = fixtures::PollUntil(absl::Seconds(20), [&] {
    const std::string log = process_.LogTail(64 << 10);
    const size_t at = log.find(kReady);
    const size_t end = log.find('\n', at == std::string::npos ? 0 : at);
    if (at != std::string::npos && end != std::string::npos) line = log.substr(at, end - at);
    return !line.empty() || !process_.running();
  });
  if (!done || line.empty()) {
    fixtures::Fatal(absl::StrCat("the program did not come up:\n", process_.LogTail()));
  }
  const size_t at = line.find(kListening);
  if (at != std::string::npos) address_ = line.substr(at + sizeof(kListening) - 1);
}

}  // namespace quotaplane::bench
