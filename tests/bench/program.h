// `quotaplane serve` as a process of its own.
#pragma once

#include <sys/types.h>

#include <csignal>
#include <string>
#include <vector>

#include "libs/testing/process.h"
#include "libs/testing/temp_dir.h"

namespace quotaplane::bench {

class Program {
 public:
  // Starts `path` serve with `options`, and returns when it says that it is ready. Aborts with its
  // log where it does not in 20 s.
  Program(const std::string& path, const std::vector<std::string>& options);

  pid_t pid() const { return process_.pid(); }
  bool running() { return process_.running(); }
  // "127.0.0.1:PORT" where it listens.
  const std::string& address() const { return address_; }
  std::string LogTail() const { return process_.LogTail(); }
  // By SIGTERM.
  void Stop() { process_.Stop(SIGTERM); }

 private:
  const fixtures::TempDir dir_;
  fixtures::ChildProcess process_;
  std::string address_;
};

}  // namespace quotaplane::bench
